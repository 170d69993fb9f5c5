"""A new user: a name that is fit, a generated password and a TOTP secret, both shown once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from broker.identity import totp
from portcullis.errors import InvalidInput
from portcullis.ids import new_id
from portcullis.model.user import Role, User

MAXIMUM_NAME_LENGTH = 64
MAXIMUM_GROUPS = 64
NAME_RULE = f"1 to {MAXIMUM_NAME_LENGTH} printable characters without space at the ends"


@dataclass(frozen=True, slots=True)
class NewUser:
    """Its secrets exist here alone in the clear: hand them over and forget them."""

    user: User
    password: str = field(repr=False)
    totp_uri: str = field(repr=False)

    @property
    def totp_secret(self) -> str:
        return self.user.totp_secret


def is_fit_name(text: str) -> bool:
    """Printable excludes control, format (bidi, zero width), separator and surrogate characters."""
    return 1 <= len(text) <= MAXIMUM_NAME_LENGTH and text.isprintable() and text == text.strip()


def new_user(
    name: str,
    password: str,
    password_hash: str,
    *,
    issuer: str,
    groups: Iterable[str] = (),
    role: Role = "user",
) -> NewUser:
    """`issuer` is what authenticator applications show beside the name: the tenant. Raises InvalidInput."""
    check_names(name, groups)
    secret = totp.new_secret()
    user = User(
        id=new_id(),
        name=name,
        role=role,
        groups=frozenset(groups),
        password_hash=password_hash,
        totp_secret=secret,
    )
    return NewUser(user, password, totp.provisioning_uri(secret, name, issuer))


def check_names(name: str, groups: Iterable[str]) -> None:
    """Raises InvalidInput naming the field."""
    if not is_fit_name(name):
        raise InvalidInput("name", NAME_RULE)
    for index, group in enumerate(groups):
        if not is_fit_name(group):
            raise InvalidInput(f"groups[{index}]", NAME_RULE)
