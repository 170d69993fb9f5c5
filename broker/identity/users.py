"""A new user: a name that is fit, a generated password and a TOTP secret, both shown once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from broker.identity import totp
from portcullis.errors import InvalidInput
from portcullis.ids import new_id
from portcullis.model.names import GROUP_RULE, NAME_RULE, is_fit_group, is_fit_name
from portcullis.model.user import Role, User

MAXIMUM_GROUPS = 64


@dataclass(frozen=True, slots=True)
class NewUser:
    """Its secrets exist here alone in the clear: hand them over and forget them."""

    user: User
    password: str = field(repr=False)
    totp_uri: str = field(repr=False)

    @property
    def totp_secret(self) -> str:
        return self.user.totp_secret


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
        if not is_fit_group(group):
            raise InvalidInput(f"groups[{index}]", GROUP_RULE)
