"""The X displays of this machine, and whose they are.

What counts is what the kernel says of the process that listens: its account is the display's, where that is not root.
A server of root's (most display managers start such) is of the account that utmp names, else of the only person whose
programs are on it. Who merely claims a display gains nothing: what attaches to it runs as that very account, and the
server lets in whoever holds its cookie. Looks, and changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.desktops.rules import FoundDisplay
from agents.linux.desktops import utmp
from agents.linux.leader.processes import MARKER
from agents.linux.leader.traces import X11_SOCKETS

UTMP = Path("/run/utmp")
ACTIVE_TERMINAL = Path("/sys/class/tty/tty0/active")
_LOGIN_DEFINITIONS = Path("/etc/login.defs")
_FIRST_PERSON = 1000
_NOBODY = 65534
_OURS = "Portcullis"
"""How the comment of accounts begins that sessions run as (accounts.py)."""
_SOCKET = re.compile(r"X(0|[1-9][0-9]{0,4})", re.ASCII)
_MAXIMUM_DISPLAYS = 256
_CONNECT_SECONDS = 0.1
_MAXIMUM_AUTHORITIES = 8
_OWN_SCREEN = ("Xorg", "X")


@dataclass(frozen=True, slots=True)
class LocalDisplay:
    found: FoundDisplay
    authority: str = ""
    """What its server reads its cookies from."""


@dataclass(frozen=True, slots=True)
class _Server:
    display: str
    pid: int
    uid: int
    arguments: tuple[str, ...]

    @property
    def program(self) -> str:
        return Path(self.arguments[0]).name if self.arguments else ""

    @property
    def authority(self) -> str:
        """What it reads its cookies from."""
        after = [
            value for name, value in zip(self.arguments, self.arguments[1:], strict=False) if name == "-auth"
        ]
        return after[0] if after and after[0].startswith("/") else ""

    @property
    def is_console(self) -> bool:
        """It drives the machine's screen, and that is switched to it."""
        if self.program not in _OWN_SCREEN:
            return False
        terminal = next((each[2:] for each in self.arguments if re.fullmatch(r"vt[0-9]+", each)), "")
        try:
            active = ACTIVE_TERMINAL.read_text().strip().removeprefix("tty")
        except OSError:
            active = ""
        return not terminal or not active or terminal.lstrip("0") == active


def local_displays() -> list[LocalDisplay]:
    """By their numbers; those of our own sessions are none. Blocks for a moment."""
    servers = sorted(_servers(), key=lambda server: int(server.display[1:]))
    return [found for server in servers if (found := _judged(server)) is not None]


def _judged(server: _Server) -> LocalDisplay | None:
    """None: not a person's, or not to be seen by this account."""
    if os.geteuid() not in (0, server.uid):
        return None
    entry, trouble = _owner(server), ""
    if server.program == "Xwayland":
        trouble = "a Wayland session, which X cannot show"
    if entry is None:
        return LocalDisplay(FoundDisplay(server.display, "", server.is_console, trouble))
    if _is_ours(entry):
        return None
    found = FoundDisplay(server.display, entry.pw_name, server.is_console, trouble)
    return LocalDisplay(found, server.authority)


def _owner(server: _Server) -> pwd.struct_passwd | None:
    """None where nobody is signed in: a sign-in screen has an account that is no person's."""
    if server.uid:
        return _person(server.uid)
    with contextlib.suppress(OSError, KeyError):
        if name := utmp.account_at(UTMP.read_bytes(), server.display):
            return _person(pwd.getpwnam(name).pw_uid)
    people = {uid for uid, _ in _clients(server.display) if (each := _person(uid)) and not _is_ours(each)}
    return _person(people.pop()) if len(people) == 1 else None


def _is_ours(entry: pwd.struct_passwd) -> bool:
    return entry.pw_gecos.startswith(_OURS)


def _person(uid: int) -> pwd.struct_passwd | None:
    """Its entry, where the account is a person's, or that of whoever runs this."""
    is_person = _first_person() <= uid != _NOBODY or (uid == os.geteuid() and uid != 0)
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid) if is_person else None
    return None


def _first_person() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _LOGIN_DEFINITIONS.read_text().splitlines():
            if line.startswith("UID_MIN"):
                return int(line.split()[1])
    return _FIRST_PERSON


def authorities_of(display: LocalDisplay, uid: int, home: Path) -> tuple[str, ...]:
    """Files in which its owner may have its cookie, the likeliest first. None is opened here: only its owner does
    that."""
    named = [path for owner, path in _clients(display.found.name) if owner == uid and path.startswith("/")]
    files = [display.authority, *named, str(home / ".Xauthority")]
    return tuple(dict.fromkeys(filter(None, files)))[:_MAXIMUM_AUTHORITIES]


def _clients(display: str) -> Iterator[tuple[int, str]]:
    """Account and authority file of each process that says it is on this display."""
    for name in os.listdir("/proc"):  # noqa: PTH208  # names alone
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            environment = _environment(int(name))
            if environment.get("DISPLAY", "").split(".")[0] == display:
                yield Path("/proc", name).stat().st_uid, environment.get("XAUTHORITY", "")


def _servers() -> Iterator[_Server]:
    """What listens, and is not of one of our sessions."""
    for number in _numbers()[:_MAXIMUM_DISPLAYS]:
        with contextlib.suppress(OSError):
            pid, uid = _listener(X11_SOCKETS / f"X{number}")
            if MARKER not in _environment(pid):
                yield _Server(f":{number}", pid, uid, _arguments(pid))


def _numbers() -> list[int]:
    """Those of sockets, with what others than servers may have put there."""
    try:
        names = os.listdir(X11_SOCKETS)  # noqa: PTH208  # names alone
    except OSError:
        return []
    return sorted(int(match[1]) for name in names if (match := _SOCKET.fullmatch(name)))


def _listener(path: Path) -> tuple[int, int]:
    """Process and account of who called `listen`. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_CONNECT_SECONDS)
        connection.connect(str(path))
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid), int(uid)


def _arguments(pid: int) -> tuple[str, ...]:
    return tuple(os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1])


def _environment(pid: int) -> dict[str, str]:
    """Raises OSError of a process that another account has, unless this is root."""
    words = (os.fsdecode(word) for word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    return dict(word.partition("=")[::2] for word in words if "=" in word)
