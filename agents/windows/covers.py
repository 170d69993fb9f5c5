"""Why the screen cannot be seen now: Windows shows its lock, asks for permission, or has no display.

All three happen on a desktop of their own (Winlogon's), which no application may look at or type into. It is told apart
by the name of the desktop that has the input, which is refused where it is not ours.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from agents.windows.libraries import user32, wtsapi32
from agents.windows.structures import (
    DESKTOP_READOBJECTS,
    DWORD,
    UOI_NAME,
    WTS_CURRENT_SESSION,
    WTS_DISCONNECTED,
    WTS_SESSION_INFO_EX,
    WTS_SESSIONSTATE_LOCK,
    PointerToInfo,
)
from agents.worker.covered import LOCKED, PROMPT, SCREEN_OFF

_NAME_BYTES = 256
_OURS = "default"
_SCREEN_SAVER = "screen-saver"


@dataclass(frozen=True, slots=True)
class SessionState:
    is_connected: bool = True
    is_locked: bool = False


def cover(desktop: str | None, session: SessionState) -> str:
    """`desktop`: the name of the one that has the input; None: we may not ask. Empty: the screen can be seen."""
    if not session.is_connected:
        return SCREEN_OFF
    name = (desktop or "").lower()
    if name == _OURS:
        return ""
    return LOCKED if session.is_locked or name == _SCREEN_SAVER else PROMPT


def current_cover() -> str:
    return cover(input_desktop(), session_state())


def input_desktop() -> str | None:
    """The name of the desktop that the keyboard and the mouse go to; None where this process may not open it."""
    library = user32()
    desktop = library.OpenInputDesktop(0, False, DESKTOP_READOBJECTS)
    if not desktop:
        return None
    try:
        name = ctypes.create_string_buffer(_NAME_BYTES)
        needed = DWORD()
        if not library.GetUserObjectInformationW(desktop, UOI_NAME, name, _NAME_BYTES, ctypes.byref(needed)):
            return None
        return name.raw[: needed.value].decode("utf-16-le", errors="replace").split("\0")[0]
    finally:
        library.CloseDesktop(desktop)


def session_state() -> SessionState:
    """Of this process's session. What Windows does not say is taken for the usual."""
    library = wtsapi32()
    data, length = ctypes.c_void_p(), ctypes.c_uint32()
    asked = library.WTSQuerySessionInformationW(
        None, WTS_CURRENT_SESSION, WTS_SESSION_INFO_EX, ctypes.byref(data), ctypes.byref(length)
    )
    if not asked or not data.value:
        return SessionState()
    try:
        info = ctypes.cast(data, PointerToInfo).contents
        if info.level != 1:
            return SessionState()
        return SessionState(info.state != WTS_DISCONNECTED, info.flags == WTS_SESSIONSTATE_LOCK)
    finally:
        library.WTSFreeMemory(data)
