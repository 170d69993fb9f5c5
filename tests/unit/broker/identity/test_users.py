"""New users have fit names and nothing to sign in with; how an account stands is one word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.identity.lockout import MAXIMUM_WRONG_CODES, Attempts
from broker.identity.users import account_state, new_user
from portcullis.errors import InvalidInput
from portcullis.model.user import User

NOW = 1_700_000_000.0
UNFIT = [
    "",
    " ann",
    "ann ",
    "\t",
    "a\nb",
    "a\0b",
    "a\x1b[31mb",
    "a\u202eb",
    "a\u200bb",
    "a\ud800b",
    "a\u2028b",
    "x" * 65,
]


@pytest.mark.parametrize(
    "name", ["ann", "Ann Lee", "ann@example.org", "Zoë", "李", "x" * 64, "<b>", "O'Neil"]
)
def test_ordinary_names_are_fit(name: str) -> None:
    assert new_user(name).name == name


@pytest.mark.parametrize("name", UNFIT)
def test_unfit_names_are_refused_by_field(name: str) -> None:
    with pytest.raises(InvalidInput) as of_name:
        new_user(name)
    with pytest.raises(InvalidInput) as of_group:
        new_user("ann", groups=["staff", name])
    assert of_name.value.field == "name"
    assert of_group.value.field == "groups[1]"


def test_a_new_user_has_nothing_to_sign_in_with() -> None:
    first, second = new_user("ann"), new_user("ann")
    assert first.id != second.id
    assert not first.enrolled
    assert (first.password_hash, first.totp_secret) == ("", "")


def test_no_secret_of_a_user_stands_in_a_repr() -> None:
    user = User("1" * 16, "ann", password_hash="the hash", totp_secret="the seed", link_hash="the link")
    for secret in ("the hash", "the seed", "the link"):
        assert secret not in repr(user)


ENROLLED = User("1" * 16, "ann", password_hash="h", totp_secret="s")
INVITED = User("1" * 16, "ann", link_hash="h", link_expires=NOW + 1)


@pytest.mark.parametrize(
    ("user", "wrong_codes", "state"),
    [
        (ENROLLED, 0, "enrolled"),
        (ENROLLED, MAXIMUM_WRONG_CODES - 1, "enrolled"),
        (ENROLLED, MAXIMUM_WRONG_CODES, "factor_off"),
        (INVITED, 0, "invited"),
        (replace(INVITED, link_expires=NOW), 0, "invitation_expired"),
        (replace(ENROLLED, disabled=True), MAXIMUM_WRONG_CODES, "disabled"),
        (replace(INVITED, disabled=True), 0, "disabled"),
        (replace(ENROLLED, totp_secret=""), 0, "invitation_expired"),
    ],
)
def test_how_an_account_stands(user: User, wrong_codes: int, state: str) -> None:
    assert account_state(user, Attempts(wrong_codes=wrong_codes), NOW) == state
