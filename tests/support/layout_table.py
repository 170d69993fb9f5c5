"""web_client/app/keyboard_layouts.js, made from what libxkbcommon and Debian's xkb-data know.

    python -m tests.support.layout_table          # writes it; tests/web and tests/unit look whether it is true

A row: the layout, and what its plain keys bear, in the order of CODES. Of variants that bear the same as a layout or as
each other, the first in xkb's own order stands for all.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from agents.linux.keymap import PHYSICAL
from tests.support.xkb import Keyboard, Stroke

RULES = Path("/usr/share/X11/xkb/rules/evdev.lst")
TABLE = Path(__file__).parents[2] / "web_client/app/keyboard_layouts.js"
CODES = (
    *("Backquote", *(f"Digit{digit}" for digit in "1234567890"), "Minus", "Equal"),
    *(*(f"Key{letter}" for letter in "QWERTYUIOP"), "BracketLeft", "BracketRight"),
    *(*(f"Key{letter}" for letter in "ASDFGHJKL"), "Semicolon", "Quote", "Backslash"),
    *("IntlBackslash", *(f"Key{letter}" for letter in "ZXCVBNM"), "Comma", "Period", "Slash"),
)
NONE = " "
_HEAD = """/**
 * What the plain keys of X's keyboard layouts bear; made by tests/support/layout_table.py from xkb-data.
 *
 * A row is a layout and, in the order of CODES, a character for each key; a dead key bears its accent.
 */

"""


def names() -> list[str]:
    """Base layouts in xkb's order, then variants."""
    sections = RULES.read_text().split("! ")
    parts = {section.split(None, 1)[0]: section.splitlines()[1:] for section in sections if section}
    layouts = [line.split()[0] for line in parts["layout"] if line.strip()]
    variants = [re.match(r"\s*(\S+)\s+(\S+):", line) for line in parts["variant"] if line.strip()]
    skipped = {"custom"}
    every = [*layouts, *(f"{match[2]}({match[1]})" for match in variants if match)]
    return [name for name in every if name not in skipped]


def labels(layout: str) -> str:
    keyboard = Keyboard(layout)
    return "".join(_label(keyboard, Stroke(PHYSICAL[code])) for code in CODES)


def rows() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names():
        borne = labels(name)
        is_variant = "(" in name
        if borne.strip() and not (is_variant and borne in found.values()):
            found[name] = borne
    return found


def table() -> str:
    lines = [
        f"  {json.dumps(name)}: {json.dumps(borne, ensure_ascii=False)}," for name, borne in rows().items()
    ]
    codes = " ".join(CODES)
    heads = f'export const CODES = "{codes}".split(" ");', "/** @type {Record<string, string>} */"
    return "\n".join([_HEAD + heads[0], "", heads[1], "export const LAYOUTS = {", *lines, "};", ""])


def _label(keyboard: Keyboard, stroke: Stroke) -> str:
    text = keyboard.text([stroke, Stroke(65)]) if keyboard.is_dead(stroke) else keyboard.text([stroke])
    return text[0] if text and text[0].isprintable() else NONE


if __name__ == "__main__":
    TABLE.write_text(table())
