"""What a launch holds that attaches to an existing X display, beside what it holds on any system."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pwd
import signal
import sys
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.desktops.attachments import LEFT_SECONDS, Attachments, Taken, attached, told
from agents.desktops.rules import EXIT_CODES, FoundDisplay
from agents.linux import environment
from agents.linux.accounts import Account
from agents.linux.desktops.finding import LocalDisplay, authorities_of, local_displays
from portcullis.errors import Refused
from portcullis.model.desktops import Consent, DesktopTarget
from portcullis.protocol.orders import Order

_BY_HAND = {-signal.SIGKILL: "desktop_ended", -signal.SIGTERM: "desktop_ended"}
"""Whoever is there ended their helper by other means than the sign."""
HELPER_COMMAND = (sys.executable, "-I", "-m", "agents.linux.desktops")


@dataclass(frozen=True, slots=True)
class Attachment:
    taken: Taken
    owner: Account
    authorities: tuple[str, ...]
    left_seconds: float


class DisplayAttachments(Attachments):
    """Of X displays."""

    def __init__(
        self,
        allowed: Collection[Consent],
        find: Callable[[], Sequence[LocalDisplay]] = local_displays,
        left_seconds: float = LEFT_SECONDS,
    ) -> None:
        super().__init__(allowed, left_seconds)
        self.find = find

    def found(self) -> list[FoundDisplay]:
        return [each.found for each in self.find()]

    @contextlib.asynccontextmanager
    async def beginning(self, order: Order, target: DesktopTarget) -> AsyncIterator[Attachment]:
        """As `attaching`. Raises Refused."""
        displays = await asyncio.to_thread(self.find)
        with self.attaching(order, target, [each.found for each in displays]) as taken:
            display = next(each for each in displays if each.found == taken.display)
            owner = _owner(display)
            authorities = await asyncio.to_thread(authorities_of, display, owner.uid, owner.home)
            yield Attachment(taken, owner, authorities, self.left_seconds)


def _owner(display: LocalDisplay) -> Account:
    """Raises Refused."""
    entry = pwd.getpwnam(display.found.account)
    if entry.pw_uid == 0:
        raise Refused("desktop_unsupported", "A display of root is not shown.")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def launch_parts(order: Order, target: DesktopTarget, attachment: Attachment) -> dict[str, Any]:
    """Of the `launch` line: in place of display, window manager and application."""
    entered = {**told(order, target, attachment.taken), "authorities": list(attachment.authorities)}
    return {
        "attached": attached(target, attachment.taken.display, attachment.left_seconds),
        "application": {
            "command": list(HELPER_COMMAND),
            "environment": {
                "PATH": environment.PATH,
                "HOME": str(attachment.owner.home),
                "LANG": "C.UTF-8",
            },
            "entered": json.dumps(entered),
            "exit_codes": {str(status): code for status, code in (*EXIT_CODES.items(), *_BY_HAND.items())},
        },
    }
