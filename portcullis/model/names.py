"""What a name may hold that people give to users, groups and applications.

Users and applications are addressed by name in paths of the REST API, where a gateway lets no segment pass that two
readers could take for different things: so their names hold no `/`, `\\` or `%` and are not `.` or `..`.
"""

from __future__ import annotations

MAXIMUM_NAME_LENGTH = 64
GROUP_RULE = f"1 to {MAXIMUM_NAME_LENGTH} printable characters without space at the ends"
NAME_RULE = f"{GROUP_RULE}, none of them / \\ or %"

_UNADDRESSABLE = str.maketrans("/\\%", "---")


def is_fit_group(text: str) -> bool:
    """Printable excludes control, format (bidi, zero width), separator and surrogate characters."""
    return 1 <= len(text) <= MAXIMUM_NAME_LENGTH and text.isprintable() and text == text.strip()


def is_fit_name(text: str) -> bool:
    return is_fit_group(text) and text == text.translate(_UNADDRESSABLE) and text not in (".", "..")


def fitted_name(text: str) -> str | None:
    """A fit name as near to `text` as can be, None when nothing is left of it."""
    printable = "".join(character for character in text if character.isprintable())
    fitted = printable.translate(_UNADDRESSABLE).strip()[:MAXIMUM_NAME_LENGTH].strip()
    return fitted if is_fit_name(fitted) else None
