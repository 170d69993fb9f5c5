"""The process that looks: a question as JSON on its standard input, answers as lines of JSON on its standard output.

    {"data_folders": [..], "path", "locale"}              -> a line for each application, then {"left_out": n}
    {"data_folders": [..], "path", "icons": [id, ..]}     -> a line {"id", "png": base64} for each

Each line is whole: when time is up, those that are there count.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from portcullis.desktop.entries import DesktopEntry, entry_files, read_entry, visible_entries
from portcullis.desktop.icon_theme import Icons
from portcullis.protocol.discovery import ICON_SIDE, MAXIMUM_APPLICATIONS, MAXIMUM_ICONS, Installed, Picture

MEMORY_BYTES = 768 << 20
CPU_SECONDS = 6
FILES = 64


def main() -> None:
    bound()
    asked = json.load(sys.stdin)
    folders = [Path(folder) for folder in asked["data_folders"]]
    if asked.get("icons"):
        answers = pictures(folders, asked["path"], asked["icons"][:MAXIMUM_ICONS])
    else:
        answers = applications(folders, asked["path"], asked.get("locale", ""))
    for answer in answers:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def bound() -> None:
    """Inherited by whatever draws pictures."""
    os.nice(10)
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        with contextlib.suppress(ValueError):  # a lower one is there already
            resource.setrlimit(kind, (limit, limit))


def applications(folders: Sequence[Path], path: str, locale: str) -> Iterator[dict[str, Any]]:
    found = sorted(visible_entries(folders, locale, path), key=lambda entry: entry.id)
    for entry in found[:MAXIMUM_APPLICATIONS]:
        yield installed(entry).to_json()
    yield {"left_out": max(0, len(found) - MAXIMUM_APPLICATIONS)}


def installed(entry: DesktopEntry) -> Installed:
    return Installed(
        entry.id,
        entry.name,
        entry.command,
        entry.comment,
        entry.categories,
        entry.mime_types,
        entry.keywords,
        entry.window_class,
        entry.working_directory,
        entry.terminal,
        bool(entry.icon),
    )


def pictures(folders: Sequence[Path], path: str, wanted: Iterable[str]) -> Iterator[dict[str, Any]]:
    from agents.icon_pictures import Unreadable  # the list needs no decoder
    from agents.linux.discovery.pictures import picture

    icons = Icons(folders)
    for identifier, name in icon_names(folders, path, wanted).items():
        found = icons.find(name, ICON_SIDE)
        try:
            png = picture(found) if found is not None else b""
        except Unreadable:
            png = b""
        yield Picture(identifier, png).to_json()


def icon_names(folders: Sequence[Path], path: str, wanted: Iterable[str]) -> dict[str, str]:
    """By id of the application. An entry in an earlier folder hides later ones."""
    missing, named = set(wanted), {}
    for folder in folders:
        for identifier, file in entry_files(folder / "applications"):
            if identifier in missing:
                missing.discard(identifier)
                entry = read_entry(identifier, file, "", path)
                if entry is not None and entry.icon:
                    named[identifier] = entry.icon
    return named


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
