"""What surrounds the plan of a launch: whether its user can sign in, sees the application, and finds a way in.

A launch itself asks none of this: who launches has signed in, through a gateway, and seen the application. Whoever
simulates for somebody else has not. Pure: what is known comes in as values.
"""

from __future__ import annotations

from collections.abc import Sequence

from portcullis.model.application import Application
from portcullis.model.host import Gateway
from portcullis.model.launch import Step
from portcullis.model.user import User

_OF_THE_USER = "user"


def account_steps(user: User) -> tuple[Step, ...]:
    """Empty where there is nothing to say: the plan tells the rest."""
    if user.disabled or user.enrolled:
        return ()
    detail = f"{user.name} has not set up the account: the link must be opened before signing in"
    return (Step("user", "info", detail, object=f"user:{user.name}"),)


def groups_step(user: User, groups: frozenset[str]) -> Step:
    """`groups`: all that the user is in, those counted that contain others."""
    if not groups:
        return Step("groups", "info", f"{user.name} is in no group")
    own = sorted(user.groups)
    outer = ", ".join(sorted(groups - user.groups))
    inside = f", and through them in {outer}" if outer else ""
    return Step("groups", "passed", f"in {', '.join(own)}{inside}", object=f"group:{own[0]}")


def inserted(planned: Sequence[Step], around: Sequence[Step]) -> tuple[Step, ...]:
    """`around` behind what the plan says of the user: where the user did not pass, nothing more was asked."""
    first = next((at for at, step in enumerate(planned) if step.step != _OF_THE_USER), len(planned))
    return (*planned[:first], *(around if first < len(planned) else ()), *planned[first:])


def unknown_user_step(name: str) -> Step:
    code = "user_unknown"
    return Step("user", "failed", f"there is no user {name} [{code}]", code, f"user:{name}")


def unknown_application_step(name: str) -> Step:
    code = "application_unknown"
    detail = f"there is no application {name} [{code}]"
    return Step("application", "failed", detail, code, f"application:{name}")


def catalogue_step(user: User, application: Application, groups: frozenset[str]) -> Step:
    named = f"application:{application.name}"
    if application.disabled:
        return Step("catalogue", "info", f"{application.name} is disabled: nobody is shown it", object=named)
    if not application.entitlement.admits(user.name, groups):
        return Step("catalogue", "info", f"{application.name} is not shown to {user.name}", object=named)
    return Step("catalogue", "passed", f"{application.name} is shown to {user.name}", object=named)


def gateway_step(serving: Sequence[Gateway], known: int) -> Step:
    if not serving:
        code = "gateways_none"
        return Step("gateway", "failed", f"none of {known} gateways lets anybody in [{code}]", code)
    names = ", ".join(gateway.name for gateway in serving)
    return Step("gateway", "passed", f"the way in: {names}", object=f"gateway:{serving[0].name}")
