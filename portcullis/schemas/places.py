"""Where in a document something stands: `entitled.users[0]`, as a path and as text. Pure."""

from __future__ import annotations

import re

FieldPath = tuple[str | int, ...]

_SEGMENT = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")


def spell(path: FieldPath) -> str:
    """`entitled.users[0]`."""
    text = ""
    for segment in path:
        text += f"[{segment}]" if isinstance(segment, int) else f".{segment}" if text else segment
    return text


def path_of(field: str) -> FieldPath:
    """`entitled.users[0]` taken apart."""
    return tuple(int(index) if index else name for index, name in _SEGMENT.findall(field))
