"""Whose the desktops of a Windows host are, and what they are called. Pure: `agents.windows.interactive` looks.

`console` is the session that the machine's own screen shows, the only other one where nobody is signed in there (who
came by Remote Desktop has left the console to nobody). `:2` is the session of that number, as `query session` lists it.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.desktops.rules import FoundDisplay
from agents.windows.wts import DISCONNECTED, WindowsSession


@dataclass(frozen=True, slots=True)
class Seat:
    found: FoundDisplay
    windows_session: int
    sid: str


def seat(session: WindowsSession, sid: str, account: tuple[str, str], machine: str, console: int) -> Seat:
    """`account`: its name and domain; `machine`: what accounts of its own have in place of a domain."""
    name, domain = account
    is_local = not domain or domain.casefold() == machine.casefold()
    called = name if is_local else f"{domain}\\{name}"
    found = FoundDisplay(
        f":{session.id}",
        called,
        is_console=session.id == console,
        trouble="no screen shows it" if session.state == DISCONNECTED else "",
        also=(f"{machine}\\{name}", f".\\{name}") if is_local else (),
    )
    return Seat(found, session.id, sid)
