"""The bytes of an icon: a PNG or SVG file, or a name that this machine knows: of an icon, or of an application.

At most 32 KB, because an icon is a record of the grid: of several sizes the largest that fits is taken.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from xdg import IconTheme

from portcullis.desktop.entries import DesktopEntry, data_folders, visible_entries

MAXIMUM_BYTES = 32 * 1024
SIZES = (128, 96, 64, 48, 32)
THEMES = ("hicolor", "Adwaita")

_PNG = b"\x89PNG\r\n\x1a\n"
_URL = re.compile(r"data:(image/png|image/svg\+xml);base64,([A-Za-z0-9+/=\s]*)")


class IconError(Exception):
    """What is wrong with the icon, as `expected …`."""


@dataclass(frozen=True, slots=True)
class Icon:
    content_type: str
    data: bytes

    def to_json(self) -> dict[str, str]:
        return {"content_type": self.content_type, "data": base64.b64encode(self.data).decode()}


def load(name: str, folder: Path) -> Icon:
    """The icon that a document in `folder` names, or holds as a `data:` URL. Raises IconError."""
    if name.startswith("data:"):
        return from_url(name)
    if "/" in name or name.lower().endswith((".png", ".svg")):
        return from_file(folder / Path(name).expanduser())
    icon = from_theme(name) or from_application(name)
    if icon is None:
        raise IconError(
            f"an icon or application that this machine has ({name!r} is neither), a file, or none"
        )
    return icon


def from_url(text: str) -> Icon:
    """Raises IconError."""
    match = _URL.fullmatch(text)
    try:
        data = base64.b64decode("".join(match[2].split()), validate=True) if match else b""
    except (binascii.Error, ValueError):
        data = b""
    if match is None or not 1 <= len(data) <= MAXIMUM_BYTES or content_type_of(data) != match[1]:
        raise IconError(
            f"data:image/png;base64,... or data:image/svg+xml;base64,... of at most {MAXIMUM_BYTES // 1024} KB"
        )
    return Icon(match[1], data)


def from_file(path: Path) -> Icon:
    """Raises IconError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as exc:
        raise IconError(f"a readable file ({path}: {getattr(exc, 'strerror', None) or exc})") from exc
    if len(data) > MAXIMUM_BYTES:
        raise IconError(f"a file of at most {MAXIMUM_BYTES // 1024} KB ({path} is larger)")
    content_type = content_type_of(data)
    if content_type is None:
        raise IconError(f"a PNG or SVG file ({path} is neither)")
    return Icon(content_type, data)


def from_theme(name: str) -> Icon | None:
    """The largest icon of this name that fits, or None."""
    for size in SIZES:
        for theme in THEMES:
            path = IconTheme.getIconPath(name, size, theme, ["png", "svg"])
            if path is None:
                continue
            try:
                return from_file(Path(path))
            except IconError:
                continue  # too large, or not what its name says: the next size may do
    return None


def from_application(name: str) -> Icon | None:
    """The icon of the application that is called so: `mousepad` names its icon org.xfce.mousepad."""
    named = (entry.icon for entry in visible_entries(data_folders()) if entry.icon and is_called(entry, name))
    for icon in named:
        with contextlib.suppress(IconError):
            return (from_theme(icon) if "/" not in icon else None) or from_file(Path(icon))
    return None


def is_called(entry: DesktopEntry, name: str) -> bool:
    """By its id, with or without the reversed domain, or by its program."""
    identifier = entry.id.removesuffix(".desktop")
    return name in (identifier, identifier.rpartition(".")[2], Path(entry.command[0]).name)


def content_type_of(data: bytes) -> str | None:
    """By content, never by name."""
    if data.startswith(_PNG):
        return "image/png"
    head = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!--", b"<!DOCTYPE")) and b"<svg" in data):
        return "image/svg+xml"
    return None
