"""What an administrator sends to publish an application, parsed strictly: every error names field and
expectation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

from broker.http.admin.desktop_form import parse_desktop
from broker.http.admin.icon_form import read_icon
from broker.http.admin.rdp_form import parse_rdp
from broker.http.admin.wine_form import parse_wine
from broker.http.body import Fields
from broker.repositories.applications import Publication
from broker.repositories.icons import Icon
from portcullis.errors import InvalidInput
from portcullis.model.application import (
    MAXIMUM_ARGUMENT_LENGTH,
    MAXIMUM_ARGUMENTS,
    MAXIMUM_ENTITLED,
    MAXIMUM_HOST_GROUPS,
    MAXIMUM_MEMORY_BYTES,
    MAXIMUM_VALUE_LENGTH,
    MAXIMUM_VARIABLES,
    RESERVED_PREFIXES,
    RESERVED_VARIABLES,
    Entitlement,
)
from portcullis.model.names import GROUP_RULE, NAME_RULE, is_fit_group, is_fit_name
from portcullis.model.user import User

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)


def parse_publication(name: str, fields: Fields, user_named: Callable[[str], User | None]) -> Publication:
    """`user_named` finds a user of the tenant. Raises InvalidInput."""
    rdp, wine, desktop = parse_rdp(fields), parse_wine(fields), parse_desktop(fields)
    kinds = {"rdp": rdp, "wine": wine, "desktop": desktop}
    beside, *others = [*(name for name, shown in kinds.items() if shown is not None), ""]
    if len(others) > 1:
        raise InvalidInput(fields.name(others[0]), f"no {others[0]} beside {beside}")
    publication = Publication(
        name=parse_name(name),
        command=_no_command(fields, beside) if beside else _command(fields),
        environment=_environment(fields.nested("environment", default={})),
        entitlement=_entitlement(fields.nested("entitled"), user_named),
        disabled=fields.flag("disabled", default=False),
        icon=_icon(fields),
        host_groups=frozenset(
            fields.texts("host_groups", is_fit_group, GROUP_RULE, most=MAXIMUM_HOST_GROUPS)
        ),
        minimum_memory_bytes=fields.integer("minimum_memory_bytes", 0, MAXIMUM_MEMORY_BYTES, 0),
        rdp=rdp,
        wine=wine,
        desktop=desktop,
    )
    fields.finish()
    return publication


def parse_name(text: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if not is_fit_name(name):
        raise InvalidInput("name", NAME_RULE)
    return name


def _command(fields: Fields) -> tuple[str, ...]:
    expected = f"a string of at most {MAXIMUM_ARGUMENT_LENGTH} characters without NUL"
    command = fields.texts("command", _is_argument, expected, least=1, most=MAXIMUM_ARGUMENTS)
    if not command[0].strip():
        raise InvalidInput(f"{fields.name('command')}[0]", "the program to run")
    return tuple(command)


def _no_command(fields: Fields, beside: str) -> tuple[str, ...]:
    if fields.raw("command", []) != []:
        raise InvalidInput(fields.name("command"), f"no command beside {beside}")
    return ()


def _is_argument(text: str) -> bool:
    return len(text) <= MAXIMUM_ARGUMENT_LENGTH and "\0" not in text


def _environment(fields: Fields) -> dict[str, str]:
    items = fields.items()
    if len(items) > MAXIMUM_VARIABLES:
        raise InvalidInput(fields.name("")[:-1], f"at most {MAXIMUM_VARIABLES} variables")
    for key, value in items:
        place = fields.name(key[:64])
        if not _VARIABLE.fullmatch(key):
            raise InvalidInput(place, "a name of letters, digits and _ that starts with no digit")
        if key in RESERVED_VARIABLES or key.startswith(RESERVED_PREFIXES):
            raise InvalidInput(place, "a variable that the session does not set itself")
        if not isinstance(value, str) or len(value) > MAXIMUM_VALUE_LENGTH or "\0" in value:
            raise InvalidInput(place, f"a string of at most {MAXIMUM_VALUE_LENGTH} characters without NUL")
    return dict(items)


def _entitlement(fields: Fields, user_named: Callable[[str], User | None]) -> Entitlement:
    """Users by the names that they have, whatever case was sent. A group exists by being mentioned."""
    names = fields.texts("users", is_fit_name, "the name of a user", most=MAXIMUM_ENTITLED)
    groups = fields.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_ENTITLED)
    fields.finish()
    users = set()
    for index, name in enumerate(names):
        user = user_named(name)
        if user is None:
            raise InvalidInput(f"{fields.name('users')}[{index}]", "the name of an existing user")
        users.add(user.name)
    return Entitlement(frozenset(users), frozenset(groups))


def _icon(fields: Fields) -> Icon | Literal["keep"] | None:
    if not fields.has("icon"):
        return "keep"
    if fields.raw("icon") is None:
        return None
    return read_icon(fields.nested("icon"))
