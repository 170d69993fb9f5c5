"""What a launch holds that attaches to an existing display, and which displays are taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pwd
import signal
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.desktops import EXIT_CODES, Attached, FoundDisplay, admit, chosen
from agents.linux import environment
from agents.linux.accounts import Account
from agents.linux.desktops.finding import LocalDisplay, authorities_of, local_displays
from portcullis.errors import Refused
from portcullis.model.desktops import Consent, DesktopTarget
from portcullis.protocol.channel import Order
from portcullis.protocol.checks import CheckResult

_BY_HAND = {-signal.SIGKILL: "desktop_ended", -signal.SIGTERM: "desktop_ended"}
"""Whoever is there ended their helper by other means than the sign."""
LEFT_SECONDS = 60.0
"""For so long nobody may be connected: nobody shall come back unseen."""
HELPER_COMMAND = (sys.executable, "-I", "-m", "agents.linux.desktops")


@dataclass(frozen=True, slots=True)
class Attachment:
    display: LocalDisplay
    owner: Account
    authorities: tuple[str, ...]
    number: int
    """Of those at the display, from 0."""
    left_seconds: float


class Attachments:
    """Which sessions of this host are attached where. On the event loop alone."""

    def __init__(
        self,
        allowed: Collection[Consent],
        find: Callable[[], Sequence[LocalDisplay]] = local_displays,
        left_seconds: float = LEFT_SECONDS,
    ) -> None:
        self.left_seconds = left_seconds
        self.allowed = frozenset(allowed)
        self.find = find
        self._attached: dict[str, Attached] = {}
        self._beginning: set[str] = set()
        self.is_led: Callable[[str], bool] = lambda session: True
        """Whether a session still has a leader: one that has ended may not be forgotten yet."""

    @contextlib.asynccontextmanager
    async def attaching(self, order: Order, target: DesktopTarget) -> AsyncIterator[Attachment]:
        """While a leader begins; afterwards the display is its session's for as long as that is led. Raises
        Refused."""
        found = await asyncio.to_thread(self.find)
        display, owner, number = self._attach(order, target, found)
        self._beginning.add(order.session)
        try:
            authorities = await asyncio.to_thread(authorities_of, display, owner.uid, owner.home)
            yield Attachment(display, owner, authorities, number, self.left_seconds)
        except BaseException:
            self.release(order.session)
            raise
        finally:
            self._beginning.discard(order.session)

    def _attach(
        self, order: Order, target: DesktopTarget, found: Sequence[LocalDisplay]
    ) -> tuple[LocalDisplay, Account, int]:
        display = self.judged(target, order.user_name, found)
        entry = pwd.getpwnam(display.found.account)
        if entry.pw_uid == 0:
            raise Refused("desktop_unsupported", "A display of root is not shown.")
        number = sum(each.display == display.found.name for each in self._others())
        self._attached[order.session] = Attached(order.session, display.found.name, target.shared)
        owner = Account(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))
        return display, owner, number

    def judged(self, target: DesktopTarget, user: str, found: Sequence[LocalDisplay]) -> LocalDisplay:
        """Raises Refused."""
        display: FoundDisplay = chosen(target, [each.found for each in found])
        admit(target, display, user, self.allowed, self._others())
        return next(each for each in found if each.found == display)

    def _others(self) -> list[Attached]:
        return [
            each
            for each in self._attached.values()
            if each.session in self._beginning or self.is_led(each.session)
        ]

    def adopt(self, session: str, about: Mapping[str, Any]) -> None:
        """A session that was found, from what its leader was given to keep."""
        kept = about.get("desktop")
        if isinstance(kept, Mapping):
            attached = Attached(session, str(kept.get("display", "")), kept.get("shared") is True)
            self._attached[session] = attached

    def release(self, session: str) -> None:
        self._attached.pop(session, None)


def desktop_looks(
    user: str, target: DesktopTarget, attachments: Attachments
) -> dict[str, Callable[[], CheckResult]]:
    """What a dry run says of it: nobody is asked. Whether it is locked is told to its owner alone."""

    def look() -> CheckResult:
        try:
            display = attachments.judged(target, user, attachments.find())
        except Refused as exc:
            return CheckResult("desktop", "failed", exc.message, exc.code)
        asked = "; whoever is there will be asked" if target.asks else ""
        return CheckResult("desktop", "passed", f"{display.found.name} of {display.found.account}{asked}")

    return {"desktop": look}


def launch_parts(order: Order, target: DesktopTarget, attachment: Attachment) -> dict[str, Any]:
    """Of the `launch` line: in place of display, window manager and application."""
    told = {
        "display": attachment.display.found.name,
        "authorities": list(attachment.authorities),
        "asks": target.asks,
        "answer_seconds": target.answer_seconds,
        "view_only": target.view_only,
        "user": order.user_name,
        "application": order.application_name,
        "number": attachment.number,
    }
    return {
        "attached": {
            "display": attachment.display.found.name,
            "answer_seconds": target.answer_seconds if target.asks else 0,
            "view_only": target.view_only,
            "left_seconds": attachment.left_seconds,
        },
        "application": {
            "command": list(HELPER_COMMAND),
            "environment": {
                "PATH": environment.PATH,
                "HOME": str(attachment.owner.home),
                "LANG": "C.UTF-8",
            },
            "entered": json.dumps(told),
            "exit_codes": {str(status): code for status, code in (*EXIT_CODES.items(), *_BY_HAND.items())},
        },
    }
