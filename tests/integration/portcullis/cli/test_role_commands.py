"""`portcullis role`, `token create` and `user set` against a broker's real API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from portcullis.model.roles import PERMISSIONS
from tests.support.api_site import ApiSite, api_site
from tests.support.command_line import Run, command_line


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ApiSite]:
    async with api_site(tmp_path) as running:
        yield running


@pytest.fixture
async def run(site: ApiSite, tmp_path: Path) -> AsyncIterator[Run]:
    """With the token of acme's administrator."""
    async with command_line(site, site.acme.root.api_token, tmp_path) as running:
        yield running


async def test_a_role_is_made_given_shown_and_deleted(run: Run) -> None:
    made = await run("role", "set", "Publisher", "--permissions", "applications.read, applications.write")
    assert (made.code, made.out) == (0, "role Publisher: created\n")
    given = await run("user", "set", "ann", "--role", "Publisher", "--groups", "staff,lab")
    assert given.out == "user ann: role Publisher, groups lab, staff\n"
    listed = " ".join((await run("get", "roles")).out.split())
    assert "administrator built-in 1" in listed
    assert "Publisher own 1 applications.read, applications.write" in listed
    assert "Publisher" in (await run("get", "users")).out
    kept = await run("role", "delete", "Publisher")
    assert kept.code == 1 and "role_in_use" in kept.err
    assert (await run("user", "set", "ann", "--role", "user", "--groups", "")).out.endswith("groups none\n")
    assert (await run("role", "delete", "Publisher")).out == "role Publisher: deleted\n"


async def test_the_permissions_are_listed_with_what_they_allow(run: Run) -> None:
    told = await run("role", "permissions")
    assert all(name in told.out for name in PERMISSIONS)
    assert json.loads((await run("role", "permissions", "--json")).out) == PERMISSIONS


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("role", "set", "X", "--permissions", "users.read,no.such"), 2, "permissions[1]"),
        (("role", "set", "X", "--permissions", "platform.panic"), 2, "permissions[0]"),
        (("role", "set", "administrator", "--permissions", ""), 1, "role_built_in"),
        (("role", "delete", "nothing"), 1, "There is no such role"),
        (("user", "set", "ann", "--role", "emperor"), 2, "role"),
        (("user", "set", "nobody", "--role", "user"), 1, "There is no such user"),
        (("user", "set", "root", "--role", "user"), 1, "last_administrator"),
        (("user", "set", "root", "--platform", "yes"), 1, "not_permitted"),
        (("token", "create", "--permissions", "no.such"), 2, "permissions[0]"),
        (("token", "create", "--days", "400"), 2, "days"),
        (("token", "create", "--network", "10.0.0.1/8"), 2, "10.0.0.0/8"),
        (("token", "create", "--user", "nobody"), 2, "user"),
    ],
)
async def test_what_is_wrong_is_said_and_changes_nothing(
    run: Run, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = await run(*words)
    assert answer.code == code and said in answer.err and answer.out == ""


async def test_a_token_is_printed_alone_and_does_what_it_names(
    site: ApiSite, run: Run, tmp_path: Path
) -> None:
    made = await run(
        *("token", "create", "--note", "nightly", "--days", "7"),
        *("--permissions", "users.read,tokens.read", "--network", "192.0.2.0/24"),
    )
    token = made.out.strip()
    assert made.code == 0 and token.startswith("api_") and "shown this once" in made.err
    async with command_line(site, token, tmp_path) as script:
        listed = " ".join((await script("get", "tokens")).out.split())
        refused = await script("get", "hosts")
    assert "nightly tokens.read, users.read 192.0.2.0/24" in listed and token not in listed
    assert refused.code == 1 and "not_permitted" in refused.err
    whole = json.loads((await run("token", "create", "--json")).out)
    assert whole["record"]["permissions"] is None
    assert (await run("token", "revoke", whole["record"]["id"])).code == 0


async def test_a_platform_administrator_makes_another_one(site: ApiSite, run: Run) -> None:
    await site.put_user(site.acme.root, replace(site.acme.root.user, platform=True))
    made = await run("user", "set", "ann", "--role", "administrator", "--platform", "yes")
    assert made.out == "user ann: role administrator, platform, groups staff\n"
    assert "administrator, platform" in (await run("get", "users")).out
    assert (await run("user", "set", "root", "--platform", "no", "--role", "help_desk")).code == 0
    refused = await run("user", "set", "ann", "--platform", "no")
    assert refused.code == 1 and "not_permitted" in refused.err


async def test_a_user_is_invited_with_a_role(run: Run) -> None:
    link = await run("user", "add", "helga", "--role", "help_desk")
    assert link.code == 0 and "#/enrol/" in link.out
    shown = json.loads((await run("get", "users", "--json")).out)
    assert {user["name"]: user["role"] for user in shown}["helga"] == "help_desk"


async def test_a_group_is_named_whatever_its_name_holds(run: Run) -> None:
    for name in ("R/D 100%", "a\\b", ".."):
        made = await run("group", "set", name, "--description", "odd", "--users", "ann")
        assert made.code == 0, made.err
        shown = await run("group", "show", name)
        assert "ann" in shown.out and name in shown.out
        policy = await run("policy", "set", f"group:{name}", "idle_minutes=9")
        assert policy.code == 0, policy.err
        gone = await run("group", "delete", name)
        assert gone.code == 0, gone.err
        assert (await run("group", "show", name)).code == 1
