"""New users: fit names, and secrets that show in no repr."""

from __future__ import annotations

import pytest

from broker.identity.users import new_user
from portcullis.errors import InvalidInput

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
    assert new_user(name, "pw", "hash", issuer="acme").user.name == name


@pytest.mark.parametrize("name", UNFIT)
def test_unfit_names_are_refused_by_field(name: str) -> None:
    with pytest.raises(InvalidInput) as of_name:
        new_user(name, "pw", "hash", issuer="acme")
    with pytest.raises(InvalidInput) as of_group:
        new_user("ann", "pw", "hash", issuer="acme", groups=["staff", name])
    assert (of_name.value.field, of_group.value.field) == ("name", "groups[1]")


def test_two_users_share_no_secret_and_no_id() -> None:
    first, second = (new_user("ann", "pw", "hash", issuer="acme") for _ in range(2))
    assert first.user.id != second.user.id
    assert first.totp_secret != second.totp_secret


def test_no_secret_stands_in_a_repr() -> None:
    made = new_user("ann", "the password", "the hash", issuer="acme")
    shown = repr(made)
    assert made.totp_secret not in shown
    assert "the password" not in shown
    assert "the hash" not in shown
