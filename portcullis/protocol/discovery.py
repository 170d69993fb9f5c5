"""What a host has installed (docs/protocol.md 4): the applications that its menus would show, and their icons.

Part of the control channel. The broker asks `discover`, the agent answers `discovered`, a page at a time. Who asks
waits for `ANSWER_SECONDS`, and only for agents that name `discover` among the features of their hello.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from portcullis.errors import ProtocolError
from portcullis.protocol.fields import Fields

FEATURE = "discover"
ANSWER_SECONDS = 8.0
MAXIMUM_APPLICATIONS = 2000
"""Of a host; more are counted and left out."""
PAGE_BYTES = 512 * 1024
PAGE_APPLICATIONS = 500
MAXIMUM_ICONS = 12
"""In one answer."""
ICON_BYTES = 32 * 1024
ICON_SIDE = 128
TEXT_CHARACTERS = 512
ID_CHARACTERS = 512
ARGUMENTS = 64
ARGUMENT_CHARACTERS = 4096
LISTED = 64
LISTED_CHARACTERS = 128

Outcome = Literal["done", "failed", "busy", "away", "older"]
"""`failed`: it could not be looked at, or not in time. `busy`: it is asked too much at once. `away`: the host cannot be
asked now. `older`: its agent cannot do this."""
OUTCOMES: frozenset[Outcome] = frozenset(get_args(Outcome))


@dataclass(frozen=True, slots=True)
class Discover:
    """`icons`: of these applications, by id, their icons are wanted; else a page of applications, those behind the id
    `after` in the order of ids."""

    id: str
    locale: str = ""
    after: str = ""
    icons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "discover",
            "id": self.id,
            "locale": self.locale,
            "after": self.after,
            "icons": list(self.icons),
        }


@dataclass(frozen=True, slots=True)
class Installed:
    """`command` can be published as it is."""

    id: str
    name: str
    command: tuple[str, ...]
    comment: str = ""
    categories: tuple[str, ...] = ()
    mime_types: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    window_class: str = ""
    working_directory: str = ""
    terminal: bool = False
    icon: bool = False
    """It names one."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "command": list(self.command),
            "comment": self.comment,
            "categories": list(self.categories),
            "mime_types": list(self.mime_types),
            "keywords": list(self.keywords),
            "window_class": self.window_class,
            "working_directory": self.working_directory,
            "terminal": self.terminal,
            "icon": self.icon,
        }


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG; empty: the application has no icon that can be read."""

    id: str
    png: bytes

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "png": base64.b64encode(self.png).decode()}


@dataclass(frozen=True, slots=True)
class Discovered:
    """The answer to the question of this id."""

    id: str
    outcome: Outcome
    applications: tuple[Installed, ...] = ()
    next: str = ""
    """There are more, behind this id."""
    left_out: int = 0
    """So many are beyond the most that a host tells."""
    icons: tuple[Picture, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "discovered",
            "id": self.id,
            "outcome": self.outcome,
            "applications": [each.to_json() for each in self.applications],
            "next": self.next,
            "left_out": self.left_out,
            "icons": [each.to_json() for each in self.icons],
        }


def page_of(question: Discover, all_of_them: Sequence[Installed], left_out: int = 0) -> Discovered:
    """What fits into one answer of `all_of_them`, which stand in the order of their ids."""
    ahead = [each for each in all_of_them if each.id > question.after]
    taken = _fitting(ahead)
    more = taken[-1].id if len(taken) < len(ahead) else ""
    return Discovered(question.id, "done", tuple(taken), more, left_out)


def _fitting(ahead: Iterable[Installed]) -> list[Installed]:
    taken: list[Installed] = []
    room = PAGE_BYTES
    for each in ahead:
        room -= len(json.dumps(each.to_json(), ensure_ascii=False).encode())
        if taken and (room < 0 or len(taken) == PAGE_APPLICATIONS):
            break
        taken.append(each)
    return taken


def read_discover(fields: Fields) -> Discover:
    return Discover(
        fields.id("id"),
        fields.optional_text("locale", 64) or "",
        fields.optional_text("after", ID_CHARACTERS) or "",
        fields.optional_texts("icons", MAXIMUM_ICONS, ID_CHARACTERS),
    )


def read_discovered(fields: Fields) -> Discovered:
    applications = fields.optional_items("applications", PAGE_APPLICATIONS, read_installed)
    return Discovered(
        fields.id("id"),
        fields.choice("outcome", OUTCOMES),
        tuple(each for each in applications if each is not None),
        fields.optional_text("next", ID_CHARACTERS) or "",
        fields.optional_integer("left_out", 0, 2**31) or 0,
        fields.optional_items("icons", MAXIMUM_ICONS, read_picture),
    )


def read_installed(fields: Fields) -> Installed | None:
    """None for one that makes no sense, which is left out."""
    try:
        read = Installed(
            fields.text("id", ID_CHARACTERS),
            fields.text("name", TEXT_CHARACTERS),
            fields.texts("command", ARGUMENTS, ARGUMENT_CHARACTERS),
            fields.optional_text("comment", TEXT_CHARACTERS) or "",
            fields.optional_texts("categories", LISTED, LISTED_CHARACTERS),
            fields.optional_texts("mime_types", LISTED, LISTED_CHARACTERS),
            fields.optional_texts("keywords", LISTED, LISTED_CHARACTERS),
            fields.optional_text("window_class", TEXT_CHARACTERS) or "",
            fields.optional_text("working_directory", ARGUMENT_CHARACTERS) or "",
            fields.flag("terminal"),
            fields.flag("icon"),
        )
    except ProtocolError:
        return None
    return read if _makes_sense(read) else None


def _makes_sense(read: Installed) -> bool:
    shown = (read.id, read.name, read.comment, read.window_class, *read.categories, *read.keywords)
    return all(text.isprintable() for text in shown) and bool(read.id and read.name and read.command)


def read_picture(fields: Fields) -> Picture:
    text = fields.text("png", 4 * ICON_BYTES // 3 + 4)
    try:
        png = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        png = b""
    return Picture(fields.text("id", ID_CHARACTERS), png if len(png) <= ICON_BYTES else b"")
