"""What the command prints: aligned tables, JSON, and text that cannot drive a terminal."""

from __future__ import annotations

import json
import textwrap
import time
import unicodedata
from collections.abc import Sequence
from typing import Any


def safe(value: object) -> str:
    """One line of printable text: names come from other people, and escape sequences act on terminals."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Left-aligned columns; wide characters count as two cells."""
    cells = [list(headings), *([cell_text(value) for value in row] for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        text + " " * (wide - width(text)) for text, wide in zip(row, widths, strict=True)
    ).rstrip()


def cell_text(value: object) -> str:
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(safe, value))
    return safe(value)


def width(text: str) -> int:
    """Terminal cells."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """Prose in lines that a terminal holds."""
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def moment(seconds: object) -> str | None:
    """Local time of a Unix time; None for anything else."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return None
