"""Windows' own sessions: which there are, who is signed in to them, and whether they are locked.

`choose` decides and is pure; `look` asks the system. A service may see all of them, an ordinary process its own.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from portcullis.errors import Refused

ACTIVE, DISCONNECTED = 0, 4
"""WTSActive, WTSDisconnected of WTS_CONNECTSTATE_CLASS."""
NO_CONSOLE = 0xFFFFFFFF
_LOCKED = 0
_SESSION_INFO_EX = 25


class SessionInfo(ctypes.Structure):
    """WTSINFOEX_LEVEL1_W. Characters are numbers here: `c_wchar` has another size on other systems."""

    _fields_ = (
        ("session", ctypes.c_uint32),
        ("state", ctypes.c_int32),
        ("flags", ctypes.c_int32),
        ("station", ctypes.c_uint16 * 33),
        ("user", ctypes.c_uint16 * 21),
        ("domain", ctypes.c_uint16 * 18),
        ("logon", ctypes.c_int64),
        ("connect", ctypes.c_int64),
        ("disconnect", ctypes.c_int64),
        ("last_input", ctypes.c_int64),
        ("now", ctypes.c_int64),
        ("counters", ctypes.c_uint32 * 6),
    )


class SessionInfoEx(ctypes.Structure):
    """WTSINFOEXW, whose union has one member."""

    _fields_ = (("level", ctypes.c_uint32), ("data", SessionInfo))


@dataclass(frozen=True, slots=True)
class WindowsSession:
    id: int
    state: int
    user: str
    """Empty: nobody is signed in to it."""
    is_locked: bool = False
    """What is not known counts as no."""


def choose(found: Sequence[WindowsSession], console: int) -> WindowsSession:
    """Where applications run: the console's if somebody works there, else one that a remote protocol shows. Raises
    Refused."""
    with_user = sorted((each for each in found if each.user), key=lambda each: (each.id != console, each.id))
    shown = [each for each in with_user if each.state == ACTIVE]
    for each in shown:
        if not each.is_locked:
            return each
    if shown:
        raise Refused("console_locked", f"{shown[0].user} has locked the screen of this Windows host.")
    if with_user:
        raise Refused("console_disconnected", f"{with_user[0].user} is signed in, and no screen shows it.")
    raise Refused("console_nobody")


def look() -> tuple[list[WindowsSession], int]:
    """All of them, and which one the console shows. Raises OSError."""
    import pywintypes
    import win32ts

    console = win32ts.WTSGetActiveConsoleSessionId()
    try:
        listed = [(each["SessionId"], each["State"]) for each in win32ts.WTSEnumerateSessions()]
    except pywintypes.error as exc:
        raise OSError(exc.winerror, exc.strerror) from exc
    if not listed and console != NO_CONSOLE:
        listed = [(console, ACTIVE)]  # Wine lists none
    return [WindowsSession(id_, state, user_of(id_), is_locked(id_)) for id_, state in listed], console


def user_of(session: int) -> str:
    """Empty where nobody is signed in, or nobody may know."""
    import pywintypes
    import win32ts

    try:
        return str(win32ts.WTSQuerySessionInformation(None, session, win32ts.WTSUserName))
    except pywintypes.error:
        return ""


def is_locked(session: int) -> bool:
    if sys.platform != "win32":
        raise OSError("Windows alone has such sessions")
    wtsapi32 = ctypes.WinDLL("wtsapi32")
    wtsapi32.WTSFreeMemory.argtypes = [ctypes.c_void_p]
    data, length = ctypes.c_void_p(), ctypes.c_uint32()
    known = wtsapi32.WTSQuerySessionInformationW(
        None, session, _SESSION_INFO_EX, ctypes.byref(data), ctypes.byref(length)
    )
    if not known or not data.value:
        return False
    try:
        return locked_of(ctypes.string_at(data.value, length.value))
    finally:
        wtsapi32.WTSFreeMemory(data)


def locked_of(raw: bytes) -> bool:
    """From the bytes of a WTSINFOEXW."""
    if len(raw) < ctypes.sizeof(SessionInfoEx):
        return False
    info = SessionInfoEx.from_buffer_copy(raw)
    return bool(info.level == 1 and info.data.flags == _LOCKED)
