"""Where helpers run: in the Windows session of whoever is signed in (`LoggedOn`), or in the agent's own (`OwnSession`).

Windows makes a session only for somebody who signs in, at the console or over a remote protocol: no service can make
one. So every application runs in the account, and on the desktop, of the user who is signed in there.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.windows import acl, machine, wts
from agents.windows.desktops.finding import Seat, seat
from portcullis.errors import PortcullisError, Refused, Unavailable

DESKTOP = "winsta0\\default"
_NO_TOKEN = 1008
_CREATE_NO_WINDOW, _CREATE_UNICODE_ENVIRONMENT, _NEW_PROCESS_GROUP = 0x08000000, 0x400, 0x200
_FLAGS = _CREATE_NO_WINDOW | _CREATE_UNICODE_ENVIRONMENT | _NEW_PROCESS_GROUP
_CREATION_TOLERANCE_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Place:
    """A Windows session with somebody in it."""

    windows_session: int
    user: str
    sid: str


@dataclass(frozen=True, slots=True)
class Started:
    """A helper. Process ids are used again: `created` (seconds since 1970) tells two of the same number apart."""

    pid: int
    created: float

    @property
    def lives(self) -> bool:
        found = machine.measure(self.pid)
        return found is not None and abs(found[1] - self.created) < _CREATION_TOLERANCE_SECONDS


class Places(Protocol):
    def find(self) -> Place:
        """Raises Refused: nobody is there whose desktop could be used now. OSError."""
        ...

    def seats(self) -> list[Seat]:
        """Every desktop here with somebody at it. Raises OSError."""
        ...

    def start(self, place: Place, command: Sequence[str]) -> Started:
        """A process there, without a window. Raises PortcullisError, OSError."""
        ...

    def is_there(self, place: Place) -> bool:
        """Whether that user is signed in there still."""
        ...


class LoggedOn:
    """For a service of the system: others may not act in the name of who is signed in."""

    def find(self) -> Place:
        chosen = wts.choose(*wts.look())
        return Place(chosen.id, chosen.user, acl.sid_of(_token(chosen.id)))

    def seats(self) -> list[Seat]:
        sessions, console = wts.look()
        found = []
        for each in sessions:
            if each.user:
                with contextlib.suppress(PortcullisError, OSError):  # who signs out right now
                    found.append(_seat(each, acl.sid_of(_token(each.id)), console))
        return found

    def start(self, place: Place, command: Sequence[str]) -> Started:
        import pywintypes
        import win32process
        import win32profile

        token = _token(place.windows_session)
        if acl.sid_of(token) != place.sid:
            raise Refused("console_signed_out")
        startup = win32process.STARTUPINFO()
        startup.lpDesktop = DESKTOP
        line = subprocess.list2cmdline(command)
        try:
            environment = win32profile.CreateEnvironmentBlock(token, False)
            folder = environment.get("USERPROFILE")
            process, thread, pid, _ = win32process.CreateProcessAsUser(
                token, command[0], line, None, None, False, _FLAGS, environment, folder, startup
            )
        except pywintypes.error as exc:
            raise Unavailable("worker_failed", f"The session's helper did not start: {exc}") from exc
        thread.Close()
        return _started(process, pid)

    def is_there(self, place: Place) -> bool:
        try:
            return acl.sid_of(_token(place.windows_session)) == place.sid
        except PortcullisError:
            return False


class OwnSession:
    """For an agent that somebody runs on their own desktop."""

    def find(self) -> Place:
        import win32api
        import win32process
        import win32ts

        session = win32ts.ProcessIdToSessionId(win32process.GetCurrentProcessId())
        if wts.is_locked(session):
            raise Refused("console_locked")
        return Place(session, win32api.GetUserName(), acl.own_sid())

    def seats(self) -> list[Seat]:
        import win32process
        import win32ts

        own = win32ts.ProcessIdToSessionId(win32process.GetCurrentProcessId())
        sessions, console = wts.look()
        state = next((each.state for each in sessions if each.id == own), wts.ACTIVE)
        return [_seat(wts.WindowsSession(own, state, ""), acl.own_sid(), console)]

    def start(self, place: Place, command: Sequence[str]) -> Started:
        import pywintypes
        import win32process

        startup = win32process.STARTUPINFO()
        startup.lpDesktop = DESKTOP
        line = subprocess.list2cmdline(command)
        try:
            process, thread, pid, _ = win32process.CreateProcess(
                command[0], line, None, None, False, _FLAGS, None, None, startup
            )
        except pywintypes.error as exc:
            raise Unavailable("worker_failed", f"The session's helper did not start: {exc}") from exc
        thread.Close()
        return _started(process, pid)

    def is_there(self, place: Place) -> bool:
        return True


def _seat(session: wts.WindowsSession, sid: str, console: int) -> Seat:
    import win32api

    return seat(session, sid, acl.account_of(sid), win32api.GetComputerName(), console)


def _started(process: object, pid: int) -> Started:
    """While we hold it, its number is its own."""
    try:
        found = machine.measure(pid)
    finally:
        process.Close()  # type: ignore[attr-defined]
    if found is None:
        raise Unavailable("worker_failed", "The session's helper ended at once.")
    return Started(pid, found[1])


def _token(session: int) -> object:
    """Of who is signed in there: the limited one, where they are an administrator. Raises Refused, OSError."""
    import pywintypes
    import win32ts

    try:
        return win32ts.WTSQueryUserToken(session)
    except pywintypes.error as exc:
        if exc.winerror == _NO_TOKEN:
            raise Refused("console_nobody") from exc
        raise OSError(exc.winerror, exc.strerror) from exc
