"""Windows' numbers of keyboard layouts, by the X names that sessions are started with. Pure."""

from __future__ import annotations

LAYOUTS: dict[str, int] = {
    "ara": 0x0401, "be": 0x080C, "bg": 0x0402, "br": 0x0416, "ca": 0x1009, "ch": 0x0807, "ch(fr)": 0x100C,
    "cz": 0x0405, "de": 0x0407, "dk": 0x0406, "ee": 0x0425, "es": 0x040A, "fi": 0x040B, "fr": 0x040C,
    "gb": 0x0809, "gr": 0x0408, "hr": 0x041A, "hu": 0x040E, "ie": 0x1809, "il": 0x040D, "is": 0x040F,
    "it": 0x0410, "jp": 0x0411, "kr": 0x0412, "latam": 0x080A, "lt": 0x0427, "lv": 0x0426, "mt": 0x043A,
    "nl": 0x0413, "no": 0x0414, "pl": 0x0415, "pt": 0x0816, "ro": 0x0418, "rs": 0x0C1A, "ru": 0x0419,
    "se": 0x041D, "si": 0x0424, "sk": 0x041B, "th": 0x041E, "tr": 0x041F, "ua": 0x0422, "us": 0x0409,
    "us(dvorak)": 0x00010409, "us(intl)": 0x00020409,
}  # fmt: skip


def keyboard(layout: str) -> int | None:
    """None: FreeRDP looks at the session's own keyboard."""
    return LAYOUTS.get(layout) or LAYOUTS.get(layout.partition("(")[0])
