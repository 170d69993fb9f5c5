"""The conformance matrix of docs/keyboards.md: which layouts, and what of each does not arrive.

python -m tests.support.keyboard_matrix      # all keys of all layouts, in both browsers and editors; writes the page
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from tests.support.keyboard_lab import BROWSERS, EDITORS, keyboard_lab, units_of
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


async def measure(browser: str, editor: str) -> tuple[Results, dict[str, str]]:
    """Also the layouts that the session had."""
    results: Results = {layout: {} for layout in LAYOUTS}
    loaded = {}
    with tempfile.TemporaryDirectory() as folder:
        async with keyboard_lab(Path(folder), browser) as lab:
            await lab.use(editor)
            for layout, locale in LAYOUTS.items():
                keyboard = Keyboard(layout)
                loaded[layout] = await lab.load(layout, locale)
                wrong = await lab.wrong(editor, keyboard, units_of(keyboard))
                results[layout][browser, editor] = wrong
                print(browser, editor, layout, loaded[layout], repr(wrong), flush=True)
    return results, loaded


async def main() -> None:
    results: Results = {layout: {} for layout in LAYOUTS}
    loaded: dict[str, dict[str, str]] = {}
    for editors in (("Qt", "GTK"), ("GTK", "Qt")):
        pairs = list(zip(BROWSERS, editors, strict=True))
        for (browser, _), (found, layouts) in zip(
            pairs, await asyncio.gather(*(measure(*pair) for pair in pairs)), strict=True
        ):
            loaded[browser] = layouts
            for layout, cells in found.items():
                results[layout] |= cells
        write(results, loaded)


def write(results: Results, loaded: dict[str, dict[str, str]]) -> None:
    rows = [
        "| layout | keys | session, Chromium | session, Firefox | "
        + " | ".join(map(" ".join, COLUMNS))
        + " |"
    ]
    rows.append("| --- | ---: | --- | --- |" + " --- |" * len(COLUMNS))
    for layout in LAYOUTS:
        count = len(units_of(Keyboard(layout)))
        sessions = " | ".join(loaded[browser][layout] for browser in BROWSERS)
        arrived = " | ".join(_cell(results[layout].get(column)) for column in COLUMNS)
        rows.append(f"| `{layout}` | {count} | {sessions} | {arrived} |")
    table = "\n".join(rows) + "\n"
    PAGE.write_text(_MARKED.sub(lambda match: match[1] + table + match[2], PAGE.read_text()))


def _cell(wrong: str | None) -> str:
    if wrong is None:
        return "not measured"
    return "all" if not wrong else "all but " + " ".join(f"U+{ord(each):04X}" for each in wrong)


def _missing(cell: str) -> str:
    return "".join(chr(int(point, 16)) for point in re.findall(r"U\+([0-9A-F]+)", cell))


if __name__ == "__main__":
    asyncio.run(main())
