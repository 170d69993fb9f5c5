"""What roles hold, and that the page of roles says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portcullis.model.roles import (
    BUILT_IN_ROLES,
    ENROL,
    PERMISSIONS,
    PLATFORM_PERMISSIONS,
    TENANT_PERMISSIONS,
    Role,
    effective,
)
from portcullis.model.user import ApiToken, User

PAGE = (Path(__file__).parents[4] / "docs/roles.md").read_text()


@pytest.mark.parametrize(("name", "sentence"), PERMISSIONS.items())
def test_a_permission_has_a_name_and_a_sentence(name: str, sentence: str) -> None:
    assert re.fullmatch(r"(platform\.)?[a-z]+(\.[a-z]+)?", name)
    assert re.fullmatch(r"[A-Z].*\.", sentence)


@pytest.mark.parametrize("name", TENANT_PERMISSIONS)
def test_the_page_says_who_may_what(name: str) -> None:
    marks = [
        "yes" if name in BUILT_IN_ROLES[role] else "" for role in ("administrator", "help_desk", "auditor")
    ]
    assert f"| `{name}` | {PERMISSIONS[name]} | {' | '.join(marks)} |" in PAGE


@pytest.mark.parametrize("name", PLATFORM_PERMISSIONS)
def test_the_page_says_what_the_platform_may(name: str) -> None:
    assert f"| `{name}` | {PERMISSIONS[name]} |" in PAGE


def test_an_auditor_changes_nothing() -> None:
    assert BUILT_IN_ROLES["auditor"] == {name for name in TENANT_PERMISSIONS if name.endswith(".read")}


def test_the_help_desk_writes_nothing() -> None:
    assert not any(name.endswith((".write", ".apply", ".rollback")) for name in BUILT_IN_ROLES["help_desk"])


def test_a_platform_administrator_holds_everything_unless_a_token_names_less() -> None:
    assert effective(frozenset(), platform=True) == set(PERMISSIONS)
    assert effective(frozenset(), platform=True, token=["platform.panic"]) == {"platform.panic"}


def test_a_token_adds_nothing() -> None:
    role = BUILT_IN_ROLES["help_desk"]
    assert effective(role, token=["users.read", "users.write", "platform.panic"]) == {"users.read"}
    assert effective(role, token=[]) == frozenset()
    assert effective(role, token=None) == role


def test_a_role_of_a_record_holds_nothing_of_the_platform_and_nothing_unknown() -> None:
    record = {"name": "x", "permissions": ["users.read", "platform.panic", "later.read"], "later": 1}
    assert Role.from_json(record) == Role("x", frozenset({"users.read"}))
    assert Role.from_json({"name": "x"}) == Role("x", frozenset())


def test_records_of_before_are_read() -> None:
    """Of users without the mark and with a role that this version knows or not, of tokens without limits."""
    old = {"id": "1" * 16, "name": "ann", "role": "administrator"}
    assert User.from_json(old) == User("1" * 16, "ann", "administrator")
    assert User.from_json({**old, "role": "Clerk"}).role == "Clerk"
    assert User.from_json(User("1" * 16, "ann", platform=True).to_json()).platform
    token = {"hash": "0" * 64, "tenant_id": "1" * 16, "user_id": "2" * 16, "created": 0.0, "expires": 1.0}
    assert ApiToken.from_json(token) == ApiToken("0" * 64, "1" * 16, "2" * 16, "", 0.0, 1.0)
    limited = ApiToken("0" * 64, "1" * 16, "2" * 16, "", 0.0, 1.0, frozenset(), ("192.0.2.0/24",))
    assert ApiToken.from_json(limited.to_json()) == limited


def test_links_come_with_changing_users_but_not_to_a_token_that_does_not_name_them() -> None:
    of_before = frozenset({"users.read", "users.write"})
    assert effective(of_before) == of_before | {ENROL}
    assert effective(of_before, enrols=False) == of_before
    assert effective(of_before, token=["users.write"], enrols=False) == {"users.write"}
    assert effective(of_before, token=["users.write", ENROL]) == {"users.write", ENROL}
    assert effective(frozenset({ENROL}), token=[ENROL]) == {ENROL}
    assert effective(frozenset({"users.read"}), token=[ENROL]) == frozenset()
    assert ENROL not in effective(frozenset(), platform=True, enrols=False)
    assert ENROL in effective(frozenset(), platform=True)


def test_a_token_of_before_keeps_what_it_could() -> None:
    token = ApiToken("0" * 64, "1" * 16, "2" * 16, "", 0.0, 1.0, enrols=False)
    assert ApiToken.from_json(token.to_json()) == token
    old = {name: value for name, value in token.to_json().items() if name != "enrols"}
    assert ApiToken.from_json(old).enrols
    named = effective(frozenset({"users.write", ENROL}), token=["users.write"], enrols=True)
    assert named == {"users.write", ENROL}
