"""The icon that a link names: in an `.ico` file, or among the resources of a program. On Windows alone.

A program is opened as data: none of it runs.
"""

from __future__ import annotations

from pathlib import Path

from agents.icon_pictures import Unreadable, drawn
from agents.windows.discovery import ico

RT_ICON, RT_GROUP_ICON = 3, 14
_AS_DATA = 0x2 | 0x20  # LOAD_LIBRARY_AS_DATAFILE, LOAD_LIBRARY_AS_IMAGE_RESOURCE


def picture(file: str, index: int) -> bytes:
    """A PNG. Raises Unreadable."""
    try:
        content = _file(Path(file)) if file.lower().endswith(".ico") else _resource(file, index)
    except (OSError, ValueError) as exc:
        raise Unreadable(str(exc)) from exc
    return drawn(content, "ICO")


def _file(path: Path) -> bytes:
    if not path.is_file() or path.stat().st_size > ico.MAXIMUM_BYTES:
        raise ValueError("no file, or too large a one")
    with path.open("rb") as file:
        return file.read(ico.MAXIMUM_BYTES)


def _resource(file: str, index: int) -> bytes:
    import pywintypes
    import win32api

    try:
        module = win32api.LoadLibraryEx(file, 0, _AS_DATA)
        try:
            name = -index if index < 0 else win32api.EnumResourceNames(module, RT_GROUP_ICON)[index]
            group = win32api.LoadResource(module, RT_GROUP_ICON, name)
            return ico.file_of(group, lambda number: _picture(module, number))
        finally:
            win32api.FreeLibrary(module)
    except (pywintypes.error, IndexError) as exc:
        raise OSError(f"{file}: {exc}") from exc


def _picture(module: int, number: int) -> bytes:
    import pywintypes
    import win32api

    try:
        return bytes(win32api.LoadResource(module, RT_ICON, number))
    except pywintypes.error:
        return b""
