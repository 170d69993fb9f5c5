"""The environment that a user's programs start with. Pure: what this machine has comes in as arguments.

The application's own variables come last, except the PROTECTED ones: those say who the user is and where the
session lives, and a published application must not be able to point them elsewhere by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from portcullis.model.session import Display

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
FALLBACK_LOCALE = "C.UTF-8"
PROTECTED = frozenset(
    {"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "HOME", "LOGNAME", "USER", "XAUTHORITY", "XDG_RUNTIME_DIR"}
    | {"LD_AUDIT", "LD_LIBRARY_PATH", "LD_PRELOAD", "PORTCULLIS_SESSION"}
)
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BASE_DPI = 96


@dataclass(frozen=True, slots=True)
class Machine:
    """What of this host matters here: `locale -a`, and the names below the zoneinfo folder."""

    locales: Collection[str]
    time_zones: Collection[str]
    bus: bool = True


def environment(
    account: str, home: PurePath, runtime_folder: PurePath, display: Display, machine: Machine
) -> dict[str, str]:
    """For bus, window manager and application; the leader adds DISPLAY."""
    variables = {
        "PATH": PATH,
        "HOME": str(home),
        "USER": account,
        "LOGNAME": account,
        "SHELL": "/bin/bash",
        "LANG": language(display.locale, machine.locales),
        "XAUTHORITY": str(runtime_folder / "xauthority"),
        "XDG_RUNTIME_DIR": str(runtime_folder),
        "XDG_SESSION_TYPE": "x11",
        "GDK_BACKEND": "x11",
        "QT_QPA_PLATFORM": "xcb",
        **scaling(display.device_pixel_ratio),
    }
    if (zone := time_zone(display.time_zone, machine.time_zones)) is not None:
        variables["TZ"] = zone
    if machine.bus:
        variables["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime_folder / 'bus'}"
    return variables


def with_application(base: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """`base` and the application's own variables; those that are protected or no names are left out."""
    allowed = {name: value for name, value in own.items() if name not in PROTECTED and _NAME.fullmatch(name)}
    return {**base, **allowed}


def language(locale: str, installed: Collection[str]) -> str:
    """LANG for a browser's locale (`de-AT`): only one that this host has, else a neutral one in UTF-8."""
    if (match := _LOCALE.fullmatch(locale)) is None:
        return FALLBACK_LOCALE
    language_code, _script, region = match.groups()
    known = {_normalised(name): name for name in installed}
    if region is not None:
        name = f"{language_code.lower()}_{region.upper()}.UTF-8"
        return name if _normalised(name) in known else FALLBACK_LOCALE
    for candidate in sorted(known):
        if candidate.startswith(f"{language_code.lower()}_") and candidate.endswith(".utf8"):
            return known[candidate]
    return FALLBACK_LOCALE


def time_zone(name: str, installed: Collection[str]) -> str | None:
    """TZ, or None when this host doesn't know the zone: the host's own then holds."""
    return name if _TIME_ZONE.fullmatch(name) and name in installed else None


@dataclass(frozen=True, slots=True)
class Scale:
    """How large things are drawn: `whole` times by toolkits that scale by whole numbers, the rest by `text_dpi`."""

    ratio: float
    whole: int
    text_dpi: int


def scale(device_pixel_ratio: float) -> Scale:
    """In quarters from 1 to 4, as toolkits draw well. A smaller ratio is a page that was zoomed out.

    Measured: GTK multiplies text by GDK_SCALE and Xft.dpi, and Chromium everything, so Xft.dpi is only what
    GDK_SCALE leaves over. Qt takes any factor, and gets the ordinary dpi for its text.
    """
    ratio = min(4.0, max(1.0, round(device_pixel_ratio * 4) / 4))
    return Scale(ratio, int(ratio), round(BASE_DPI * ratio / int(ratio)))


def scaling(device_pixel_ratio: float) -> dict[str, str]:
    """What toolkits read of it."""
    chosen = scale(device_pixel_ratio)
    if chosen.ratio == 1:
        return {}
    return {
        "GDK_SCALE": str(chosen.whole),
        "QT_SCALE_FACTOR": f"{chosen.ratio:.4g}",
        "QT_FONT_DPI": str(BASE_DPI),
        "QT_AUTO_SCREEN_SCALE_FACTOR": "0",
        "XCURSOR_SIZE": str(round(24 * chosen.ratio)),
    }


def _normalised(locale: str) -> str:
    """`de_AT.UTF-8` and `de_AT.utf8` are one."""
    return locale.lower().replace("-", "")
