"""The conformance matrix of docs/keyboards.md: which layouts, and what of each does not arrive.

python -m tests.support.keyboard_matrix              # all keys of all layouts, column by column
python -m tests.support.keyboard_matrix Firefox Qt   # of these alone; writes the page, whose other cells stay
python -m tests.support.keyboard_matrix fi ara       # of these layouts alone
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.keyboard_lab import BROWSERS, EDITORS, Lab, keyboard_lab, units_of
from tests.support.xkb import Keyboard

PAGE = Path(__file__).parents[2] / "docs/keyboards.md"
LAYOUTS = {
    "us": "en-US", "us(intl)": "en-US", "us(dvorak)": "en-US", "us(colemak)": "en-US", "gb": "en-GB", "ca": "fr-CA",
    "de": "de-DE", "de(neo)": "de-DE", "ch": "de-CH", "fr": "fr-FR", "fr(bepo)": "fr-FR", "be": "fr-BE",
    "es": "es-ES", "latam": "es-MX", "it": "it-IT", "pt": "pt-PT", "br": "pt-BR", "nl": "nl-NL", "se": "sv-SE",
    "no": "nb-NO", "dk": "da-DK", "fi": "fi-FI", "pl": "pl-PL", "cz": "cs-CZ", "hu": "hu-HU", "ro": "ro-RO",
    "tr": "tr-TR", "tr(f)": "tr-TR", "gr": "el-GR", "ru": "ru-RU", "ua": "uk-UA", "bg": "bg-BG", "rs": "sr-RS",
    "il": "he-IL", "ara": "ar-EG", "ir": "fa-IR", "in": "hi-IN", "jp": "ja-JP", "kr": "ko-KR", "th": "th-TH",
}  # fmt: skip
COLUMNS = tuple((browser, editor) for browser in BROWSERS for editor in EDITORS)
_MARKED = re.compile(r"(<!-- matrix -->\n).*?(<!-- end -->)", re.DOTALL)
_ROW = re.compile(r"^\| `([^`]+)` \| (\d+) \|(.*)\|$", re.MULTILINE)

Results = dict[str, dict[tuple[str, str], str]]
"""Layout -> browser and editor -> the characters that did not arrive."""


def published() -> Results:
    cells = {match[1]: match[3].split(" | ")[2:] for match in _ROW.finditer(PAGE.read_text())}
    return {
        layout: {column: _missing(cell) for column, cell in zip(COLUMNS, row, strict=True)}
        for layout, row in cells.items()
    }


@dataclass
class Measured:
    results: Results = field(default_factory=lambda: {layout: {} for layout in LAYOUTS})
    loaded: dict[str, dict[str, str]] = field(default_factory=lambda: {browser: {} for browser in BROWSERS})
    """Browser -> layout -> those that the session had."""

    async def measure(self, browser: str, editor: str, layouts: Iterable[str] = LAYOUTS) -> None:
        """One column, on displays of its own."""
        with tempfile.TemporaryDirectory() as folder:
            async with keyboard_lab(Path(folder), browser) as lab:
                await lab.use(editor)
                for layout in layouts:
                    await self._type(lab, editor, layout)

    async def _type(self, lab: Lab, editor: str, layout: str) -> None:
        keyboard = Keyboard(layout)
        session = self.loaded[lab.browser][layout] = await lab.load(layout, LAYOUTS[layout])
        wrong = await lab.wrong(editor, keyboard, units_of(keyboard))
        self.results[layout][lab.browser, editor] = wrong
        print(lab.browser, editor, layout, session, repr(wrong), flush=True)


async def main(chosen: Sequence[str]) -> None:
    browsers, editors, layouts = (
        [name for name in names if name in chosen] or names
        for names in (BROWSERS, tuple(EDITORS), tuple(LAYOUTS))
    )
    measured = Measured()
    try:
        for browser, editor in itertools.product(browsers, editors):
            await measured.measure(browser, editor, layouts)
    finally:
        write(measured)


def write(measured: Measured) -> None:
    """What was measured takes the place of what the page says."""
    before = {match[1]: match[3].split(" | ") for match in _ROW.finditer(PAGE.read_text())}
    heads = [*(f"session, {browser}" for browser in BROWSERS), *map(" ".join, COLUMNS)]
    rows = [f"| layout | keys | {' | '.join(heads)} |", "| --- | ---: |" + " --- |" * len(heads)]
    for layout in LAYOUTS:
        cells = [cell.strip() for cell in before.get(layout, ["not measured"] * len(heads))]
        found: list[str | None] = [measured.loaded[browser].get(layout) for browser in BROWSERS]
        found += [_cell(measured.results[layout].get(column)) for column in COLUMNS]
        told = [old if new is None else new for old, new in zip(cells, found, strict=True)]
        rows.append(f"| `{layout}` | {len(units_of(Keyboard(layout)))} | {' | '.join(told)} |")
    table = "\n".join(rows) + "\n"
    PAGE.write_text(_MARKED.sub(lambda match: match[1] + table + match[2], PAGE.read_text()))


def _cell(wrong: str | None) -> str | None:
    if wrong is None:
        return None
    return "all" if not wrong else "all but " + " ".join(f"U+{ord(each):04X}" for each in wrong)


def _missing(cell: str) -> str:
    return "".join(chr(int(point, 16)) for point in re.findall(r"U\+([0-9A-F]+)", cell))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
