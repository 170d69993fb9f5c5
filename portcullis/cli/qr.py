"""A QR code for a terminal: two modules a character, in half blocks; wide ASCII where UTF-8 cannot be printed."""

from __future__ import annotations

from portcullis.qr import modules

# Dark terminals show letters light: a filled block is a light module, as scanners expect on a dark ground.
_HALVES = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}


def draw(text: str, encoding: str | None) -> str:
    """Lines to print on a stream of this encoding."""
    rows = modules(text)
    try:
        "█▀▄".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "\n".join("".join("  " if dark else "##" for dark in row) for row in rows)
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return "\n".join(
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    )
