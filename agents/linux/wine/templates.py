"""The templates of a host: `<state>/wine/NAME/VERSION/`, with `prefix` and `template.json`, which says what it is.

They are root's (with one account for all: the agent's), and nobody else comes past `<state>/wine`: a session is given
its template's folder as an open descriptor. The highest version that is whole counts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.linux import environment
from portcullis.model.wine import WINE_LOADER, is_fit_template

FACTS = "template.json"


@dataclass(frozen=True, slots=True)
class Program:
    """Of the start menu."""

    name: str
    program: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    version: int
    """When it was made, in Unix seconds."""
    user: str
    """Whose profile it has."""
    wine: str
    """The Wine that made it."""
    source: str
    """The installer, or the folder that it was taken from."""
    programs: tuple[Program, ...]
    folder: Path

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        del data["folder"]
        return data


class Templates:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_state(cls, state: Path) -> Templates:
        return cls(state / "wine")

    def names(self) -> list[str]:
        """Of those that are whole."""
        return [template.name for template in self.all()]

    def all(self) -> list[Template]:
        try:
            found = sorted(path.name for path in self.folder.iterdir() if is_fit_template(path.name))
        except OSError:
            return []
        return [template for name in found if (template := self.find(name)) is not None]

    def find(self, name: str) -> Template | None:
        """The newest version."""
        return next(self.versions(name), None)

    def versions(self, name: str) -> Iterator[Template]:
        """Those that are whole, the newest first."""
        if not is_fit_template(name):
            return
        folder = self.folder / name
        numbers = [int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal()]
        for number in sorted(numbers, reverse=True):
            if (template := _read(folder / str(number), name, number)) is not None:
                yield template


def wine_is_installed() -> bool:
    return all(shutil.which(each, path=environment.PATH) is not None for each in (WINE_LOADER, "wineserver"))


def _read(folder: Path, name: str, version: int) -> Template | None:
    try:
        data = json.loads((folder / FACTS).read_text())
        programs = tuple(
            Program(str(each["name"]), str(each["program"]), str(each.get("arguments", "")))
            for each in data.get("programs", ())
        )
        user, wine, source = str(data["user"]), str(data.get("wine", "")), str(data.get("source", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (
        Template(name, version, user, wine, source, programs, folder)
        if (folder / "prefix").is_dir()
        else None
    )
