"""A person's X display for `attaching_claims`: `Workstation`, with agents of this very machine."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agents.desktops.attachments import LEFT_SECONDS
from agents.linux import groups
from agents.linux.desktops.attachments import DisplayAttachments
from agents.linux.launcher import LinuxLauncher, this_machine
from portcullis.model.desktops import CONSENTS, DesktopTarget
from portcullis.protocol.checks import Check
from portcullis.protocol.worker_channel import Status, WorkerState
from tests.support.attaching_claims import QUESTION, SIGN, Seen
from tests.support.session_host import Host
from tests.support.told import until_told
from tests.support.workstation import Workstation

ALLOW, REFUSE, END = (-88, -42), (-228, -42), (-36, 17)
"""Where to click, in the question and on the sign."""
_CHOICES = {"allow": (QUESTION, ALLOW), "refuse": (QUESTION, REFUSE)}


class XDesk:
    def __init__(self, host: Host, workstation: Workstation, worker: tuple[str, ...]) -> None:
        self.host = host
        self.workstation = workstation
        self.account = workstation.user.name
        self.display = workstation.display
        self._worker = worker

    async def agent(self, *allowed: str, left_seconds: float = LEFT_SECONDS) -> XAgent:
        attachments = DisplayAttachments(allowed or CONSENTS, left_seconds=left_seconds)
        host = self.host
        limits = groups.Limits(4096, 2048)
        launcher = LinuxLauncher(
            *(host.runtime, host.accounts, groups.detect(), limits, this_machine(), self._worker),
            attachments=attachments,
        )
        return XAgent(self, launcher)

    async def window(self, title: str) -> None:
        await self.workstation.window(title)

    async def shows(self, title: str) -> bool:
        return await self.workstation.shows(title)

    async def choose(self, what: str) -> None:
        if what == "end":
            await self.workstation.click(SIGN, *END)
        else:
            title, place = _CHOICES[what]
            await self.workstation.answer(title, *place)

    async def make_up_clicks(self) -> None:
        window = str(await self.workstation.window(QUESTION))
        for place in (ALLOW, REFUSE):  # with a window, xdotool sends these events in place of making them
            x, y = (str(side + size) for side, size in zip(place, (460, 236), strict=True))
            await self.workstation.run("xdotool", "mousemove", "--window", window, x, y)
            await self.workstation.run("xdotool", "click", "--window", window, "1")

    async def type_keys(self) -> None:
        await self.workstation.run("xdotool", "key", "Return", "space", "Tab", "Return", "y")

    async def hold_shift_from_afar(self) -> None:
        await self.workstation.run("xdotool", "keydown", "shift")  # by XTEST, as a worker does

    async def is_shift_down(self) -> bool:
        code = (
            "import xcffib, xcffib.xproto; x = xcffib.connect();"
            "print(x.core.QueryPointer(x.get_setup().roots[0].root).reply().mask & 1)"
        )
        return (await self.workstation.run(sys.executable, "-c", code)).strip() == "1"


class XAgent:
    def __init__(self, desk: XDesk, launcher: LinuxLauncher) -> None:
        self._desk = desk
        self.launcher = launcher

    async def launch(self, user: str, **target: Any) -> XAttached:
        host, shown = self._desk.host, DesktopTarget(**{"display": self._desk.display, **target})
        order = replace(host.order(user_name=user), command=(), desktop=shown)
        return XAttached(await self.launcher.launch(order, host.start(order)))

    async def adopt(self) -> XAttached:
        (adopted,) = await self.launcher.adopt()
        assert adopted.link is not None
        return XAttached(adopted.link)

    async def look(self, user: str, **target: Any) -> tuple[str, str, str]:
        shown = DesktopTarget(**{"display": self._desk.display, **target})
        check = Check("c", self._desk.host.tenant, self._desk.host.user_id, user, (), {}, desktop=shown)
        ((_, look),) = self.launcher.looks(check).items()
        told = look()
        return told.outcome, told.detail, told.code


class XAttached:
    def __init__(self, link: Any) -> None:
        self.link = link
        self.last = Seen(None, {})

    async def asked(self) -> Seen:
        return await self._until(lambda _: "application" in self.last.processes)

    async def shown(self) -> Seen:
        """The two are told in either order."""
        states: list[WorkerState] = []

        def is_shown(message: object) -> bool:
            if isinstance(message, WorkerState) and message.windows:
                states.append(message)
            return bool(states) and "worker" in self.last.processes

        return await self._until(is_shown)

    async def ended(self) -> Seen:
        await self._until(lambda message: isinstance(message, Status) and message.ended)
        await self.link.close()
        return self.last

    async def log_off(self) -> Seen:
        self.link.end("logged_off", 0)
        return await self.ended()

    async def leave(self) -> None:
        await self.link.close()

    async def kill(self, name: str) -> None:
        os.kill(self.last.processes[name], signal.SIGKILL)

    async def _until(self, is_it: Callable[[object], bool]) -> Seen:
        def noted(message: object) -> bool:
            if isinstance(message, Status):
                self.last = Seen(message.code, dict(message.processes))
            return is_it(message)

        await until_told(self.link, noted)
        return self.last
