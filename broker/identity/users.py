"""A new user: a name that is fit, no password and no factor yet. How an account stands, in one word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from broker.identity.lockout import Attempts
from portcullis.errors import InvalidInput
from portcullis.ids import new_id
from portcullis.model.names import GROUP_RULE, NAME_RULE, is_fit_group, is_fit_name
from portcullis.model.user import User

MAXIMUM_GROUPS = 64

AccountState = Literal["enrolled", "factor_off", "invited", "invitation_expired", "disabled"]


def new_user(name: str, *, groups: Iterable[str] = (), role: str = "user", platform: bool = False) -> User:
    """Raises InvalidInput."""
    in_order = list(groups)
    check_names(name, in_order)
    return User(id=new_id(), name=name, role=role, groups=frozenset(in_order), platform=platform)


def check_names(name: str, groups: Iterable[str]) -> None:
    """Raises InvalidInput naming the field."""
    if not is_fit_name(name):
        raise InvalidInput("name", NAME_RULE)
    for index, group in enumerate(groups):
        if not is_fit_group(group):
            raise InvalidInput(f"groups[{index}]", GROUP_RULE)


def account_state(user: User, attempts: Attempts, now: float) -> AccountState:
    """`factor_off`: too many wrong codes, only recovery codes are good until a reset."""
    if user.disabled:
        return "disabled"
    if user.enrolled:
        return "factor_off" if attempts.factor_off else "enrolled"
    return "invited" if user.link_expires > now else "invitation_expired"
