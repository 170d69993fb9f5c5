"""The process that looks: a question as JSON on its standard input, answers as lines of JSON on its standard output.

    {"folders": {word: folder, ..}}                       -> a line for each application, then {"left_out": n}
    {"folders": {word: folder, ..}, "icons": [id, ..]}    -> a line {"id", "png": base64} for each

`folders`: of the start menus, the first one counting where several have a link of the same name. Each line is whole:
when time is up, those that are there count. Names are those of the files, in whatever language those are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from agents.windows.discovery import bounds, links, menu
from portcullis.protocol.discovery import (
    LISTED_CHARACTERS,
    MAXIMUM_APPLICATIONS,
    MAXIMUM_ICONS,
    TEXT_CHARACTERS,
    Installed,
    Picture,
)


def main() -> None:
    import pythoncom

    asked = json.load(sys.stdin)
    folders = {str(word): str(folder) for word, folder in asked["folders"].items()}
    pythoncom.CoInitialize()
    bounds.bound()
    answers = (
        pictures(folders, asked["icons"][:MAXIMUM_ICONS]) if asked.get("icons") else applications(folders)
    )
    for answer in answers:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def applications(folders: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    told = left_out = 0
    for identifier, path in sorted(menu.links(folders).items()):
        link = read(path)
        if link is None:
            continue
        if told < MAXIMUM_APPLICATIONS:
            told += 1
            yield installed(identifier, link).to_json()
        else:
            left_out += 1
    yield {"left_out": left_out}


def installed(identifier: str, link: links.Link) -> Installed:
    place = PurePosixPath(identifier)
    return Installed(
        identifier,
        place.stem[:TEXT_CHARACTERS],
        link.command,
        link.comment[:TEXT_CHARACTERS] if link.comment.isprintable() else "",
        tuple(folder[:LISTED_CHARACTERS] for folder in place.parts[1:-1]),
        working_directory=link.working_directory,
        icon=True,
    )


def pictures(folders: Mapping[str, str], wanted: Iterable[str]) -> Iterator[dict[str, Any]]:
    from agents.icon_pictures import Unreadable  # the list needs no decoder
    from agents.windows.discovery.icons import picture

    there = menu.links(folders)
    for identifier in wanted:
        link = read(there[identifier]) if identifier in there else None
        if link is None:
            continue
        try:
            png = picture(link.icon_file, link.icon_index)
        except Unreadable:
            png = b""
        yield Picture(identifier, png).to_json()


def read(path: Path) -> links.Link | None:
    """None also for one that is damaged."""
    try:
        return links.read(path)
    except OSError:
        return None


if __name__ == "__main__":
    main()
