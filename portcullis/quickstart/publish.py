"""What a new site offers: a terminal, an editor, and at most twenty applications of this machine's menus."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcullis.cli import icons
from portcullis.desktop.entries import DesktopEntry, data_folders, visible_entries
from portcullis.errors import InvalidInput, PortcullisError
from portcullis.model.names import fitted_name
from portcullis.quickstart import terminal
from portcullis.rest.client import Client

MAXIMUM_ENTRIES = 20


@dataclass(frozen=True, slots=True)
class Offer:
    name: str
    command: tuple[str, ...]
    icons: tuple[str, ...]
    """Names, the first one found is taken."""


ALWAYS = (
    Offer("XTerm", ("xterm",), ("xterm-color", "mini.xterm", "utilities-terminal")),
    Offer("Mousepad", ("mousepad",), ("mousepad", "accessories-text-editor")),
)


def offers() -> list[Offer]:
    """Of this machine."""
    return choose(visible_entries(data_folders()))


def choose(entries: Iterable[DesktopEntry]) -> list[Offer]:
    """Every name and every command once. A name that applications may not have is changed to the nearest one."""
    chosen = list(ALWAYS)
    for entry in entries:
        taken = {offer.name.casefold() for offer in chosen}
        commands = {program(offer.command) for offer in chosen}
        name = fitted_name(entry.name)
        if name and name.casefold() not in taken and program(entry.command) not in commands:
            chosen.append(Offer(name, entry.command, (entry.icon,) if entry.icon else ()))
    return chosen[: len(ALWAYS) + MAXIMUM_ENTRIES]


def program(command: tuple[str, ...]) -> tuple[str, ...]:
    """What tells two commands apart: the program without its folder, and its arguments."""
    return (Path(command[0]).name, *command[1:])


def publish_all(client: Client, user: str) -> None:
    """What the site refuses is named and left out."""
    with terminal.step("Publishing this machine's applications"):
        for offer in offers():
            try:
                publish(client, offer, user)
            except PortcullisError as exc:
                print(f"\n  {offer.name} is left out: {exc}", file=sys.stderr)


def publish(client: Client, offer: Offer, user: str) -> None:
    """An icon that the service does not take is left out. Raises PortcullisError."""
    body: dict[str, Any] = {
        "command": list(offer.command),
        "environment": {},
        "entitled": {"users": [user], "groups": []},
        "icon": icon_of(offer),
    }
    try:
        client.put("admin", "applications", offer.name, body=body)
    except InvalidInput as exc:
        if not exc.field.startswith("icon"):
            raise
        client.put("admin", "applications", offer.name, body=body | {"icon": None})


def icon_of(offer: Offer) -> dict[str, str] | None:
    for name in offer.icons:
        try:
            return icons.load(name, Path("/")).to_json()
        except icons.IconError:
            continue
    return None
