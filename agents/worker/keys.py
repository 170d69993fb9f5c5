"""What a browser says of a key, whatever the desktop: modifiers, locks, and which letter a shortcut means. Pure."""

from __future__ import annotations

import string
import unicodedata

from portcullis.protocol.messages import ALT, ALT_GRAPH, CONTROL, META, SHIFT

MODIFIER_NAMES: dict[str, int] = {
    "Shift": SHIFT,
    "Control": CONTROL,
    "Alt": ALT,
    "Meta": META,
    "AltGraph": ALT_GRAPH,
}
LOCK_NAMES = frozenset({"CapsLock", "NumLock", "ScrollLock"})

# Latin letters without a Latin keyboard's place of their own, and the letter that shortcuts mean by them.
_SHORTCUTS_OF_LATIN = {"ı": "i", "İ": "i"}
_LAM_WITH_ALIF = frozenset(map(chr, range(0xFEF5, 0xFEFD)))


def letters_of(text: str) -> str:
    """Arabic keyboards have a key for lam with alif: X names one character for it, which programs keep as it is or take
    apart. The letters are what Windows and macOS type, and what a search finds."""
    return unicodedata.normalize("NFKC", text) if text in _LAM_WITH_ALIF else text


def shortcut_letter(text: str, code: str) -> str:
    """The character whose key a shortcut means: Ctrl+С on a Russian keyboard is Ctrl+C for applications.

    A letter of another script means the one that is printed beside it, at its physical place. Accented Latin letters
    mean themselves: at the place of W a BÉPO keyboard has É, and Ctrl+W is elsewhere on it.
    """
    if text in string.ascii_letters:
        return text.lower()
    if text in _SHORTCUTS_OF_LATIN:
        return _SHORTCUTS_OF_LATIN[text]
    is_letter_key = len(code) == 4 and code[:3] == "Key" and code[3] in string.ascii_uppercase
    if not text.isascii() and is_letter_key and not unicodedata.name(text, "").startswith("LATIN "):
        return code[3].lower()
    return text
