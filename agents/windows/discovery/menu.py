"""The links in the folders of a start menu, by name alone: nothing is opened.

A link's id is the folder's word and its path in there, `machine/Accessories/Paint.lnk`. What stands in several folders
under the same path is shown once, as the menu shows it: the earlier folder's. Folders that lead elsewhere (junctions,
symbolic links) are not entered, so that none leads in circles.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

MAXIMUM_DEPTH = 8
MAXIMUM_FILES = 5_000
MAXIMUM_LINK_BYTES = 64 * 1024

_ELSEWHERE = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT
_HIDDEN = 0x2 | 0x4  # FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_SYSTEM


def links(folders: Mapping[str, str]) -> dict[str, Path]:
    """By id, in the order of folders and names. At most MAXIMUM_FILES files are looked at in each folder."""
    found: dict[str, Path] = {}
    seen: set[str] = set()
    for word, folder in folders.items():
        for parts, path in _links_in(Path(folder)):
            inside = "/".join(parts)
            if inside.casefold() not in seen:
                seen.add(inside.casefold())
                found[f"{word}/{inside}"] = path
    return found


def _links_in(top: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    count = 0
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        inside = waiting.pop(0)
        for entry in _entries(top.joinpath(*inside)):
            count += 1
            if count > MAXIMUM_FILES:
                return
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            parts = (*inside, entry.name)
            if _is_passed_over(status):
                continue
            if stat.S_ISDIR(status.st_mode) and len(parts) < MAXIMUM_DEPTH:
                waiting.append(parts)
            elif _is_link(entry.name, status):
                yield parts, Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            entries = [each for _, each in zip(range(MAXIMUM_FILES), found, strict=False)]
    except OSError:
        return []
    return sorted((each for each in entries if each.name.isprintable()), key=lambda each: each.name)


def _is_passed_over(status: os.stat_result) -> bool:
    attributes = getattr(status, "st_file_attributes", 0)
    return stat.S_ISLNK(status.st_mode) or bool(attributes & (_ELSEWHERE | _HIDDEN))


def _is_link(name: str, status: os.stat_result) -> bool:
    return (
        name.lower().endswith(".lnk")
        and stat.S_ISREG(status.st_mode)
        and 0 < status.st_size <= MAXIMUM_LINK_BYTES
    )
