"""Agents of a Windows host, in the Windows interpreter, which do what lines of standard input say: the part of
attaching_desk_windows.py that runs there. Leaders, attendants and pipes are real; the worker is `windows_worker.py`
unless `real_worker` is asked for.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import win32api
import win32gui

from agents.desktops.attachments import Attachments
from agents.windows import machine
from agents.windows.backend import WindowsBackend
from agents.windows.desktops.desktop import AttachedDesktop, may_act
from agents.windows.desktops.words import FROM_AFAR, QUESTION_CLASS
from agents.windows.interactive import LoggedOn, OwnSession
from agents.windows.launcher import WORKER_COMMAND, WindowsLauncher
from agents.windows.strokes import KeyEvent, MouseEvent, send
from agents.windows.structures import MOUSEEVENTF_LEFTDOWN, MOUSEEVENTF_LEFTUP
from agents.worker.damage import Box
from portcullis.clock import SystemClock
from portcullis.errors import Refused
from portcullis.model.desktops import CONSENTS, DesktopTarget
from portcullis.model.session import Display
from portcullis.protocol import messages
from portcullis.protocol.checks import Check
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import Prepare, Start, Status, WorkerState
from tests.support.desktop_claims import Heard
from tests.support.patience import patient
from tests.support.windows_desktop_probe import notepad_s_text

WORKER = (sys.executable, "-I", str(Path(__file__).with_name("windows_worker.py")))
PATIENCE_SECONDS = 45
SHIFT = (0xA0, 0x2A)
WM_LBUTTONDOWN, WM_LBUTTONUP = 0x0201, 0x0202


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.launchers: list[WindowsLauncher] = []
        self.links: dict[str, tuple[WindowsLauncher, Any]] = {}
        self.last: dict[str, Status] = {}
        self.orders = 0
        self.desktops: list[AttachedDesktop] = []

    async def account(self) -> dict[str, Any]:
        (seat,) = OwnSession().seats()
        found = seat.found
        return {
            "account": found.account,
            "display": found.name,
            "is_console": found.is_console,
            "is_so_for_a_service": LoggedOn().seats() == [seat],
        }

    async def agent(self, allowed: list[str], left_seconds: float, real_worker: bool) -> int:
        attachments = Attachments(allowed or CONSENTS, left_seconds, ignores_case=True)
        worker = WORKER_COMMAND if real_worker else WORKER
        self.launchers.append(WindowsLauncher(self.folder, OwnSession(), worker, attachments=attachments))
        return len(self.launchers) - 1

    async def launch(self, agent: int, user: str, target: dict[str, Any]) -> str:
        order, launcher = self._order(user, target), self.launchers[agent]
        start = Start(order.session, order.tenant, "b" * 16, "c" * 16, 1024, 768, ca="", grant_keys={})
        self.links[order.session] = launcher, await launcher.launch(order, start)
        return order.session

    async def adopt(self, agent: int) -> str:
        (adopted,) = await self.launchers[agent].adopt()
        self.links[adopted.status.session] = self.launchers[agent], adopted.link
        self.last[adopted.status.session] = adopted.status
        return adopted.status.session

    async def look(self, agent: int, user: str, target: dict[str, Any]) -> list[Any]:
        check = Check("c", "t" * 16, "b" * 16, user, (), {}, desktop=DesktopTarget(**target))
        ((what, look),) = self.launchers[agent].looks(check).items()
        told = look()
        assert what == told.what == "desktop"
        return [told.outcome, told.detail, told.code]

    async def until(self, session: str, what: str) -> dict[str, Any]:
        _, link = self.links[session]
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while (message := await link.receive()) is not None:
                if isinstance(message, Status):
                    self.last[session] = message
                if _is_it(message, what):
                    break
            else:
                raise AssertionError(f"the link closed after {self.last.get(session)}")
        if what == "ended":
            await self._gone(session)
        last = self.last[session]
        return {"code": last.code, "processes": dict(last.processes)}

    async def log_off(self, session: str) -> dict[str, Any]:
        self.links[session][1].end("logged_off", 0)
        return await self.until(session, "ended")

    async def leave(self, session: str) -> None:
        await self.links[session][1].close()

    async def kill(self, session: str, name: str) -> None:
        pid = self.last[session].processes[name]
        subprocess.run(["taskkill", "/f", "/pid", str(pid)], stdout=subprocess.DEVNULL, check=True)

    async def make_up_clicks(self, places: list[list[int]]) -> None:
        """Sent to the window, and made by SendInput; `places`: in it."""
        window = win32gui.FindWindow(QUESTION_CLASS, None)
        left, top, _, _ = win32gui.GetWindowRect(window)
        for x, y in places:
            for kind in (WM_LBUTTONDOWN, WM_LBUTTONUP):
                win32gui.PostMessage(window, kind, 1, y << 16 | x)
            win32api.SetCursorPos((left + x, top + y))
            send([MouseEvent(MOUSEEVENTF_LEFTDOWN), MouseEvent(MOUSEEVENTF_LEFTUP)])

    async def hold_shift(self) -> None:
        send([KeyEvent(*SHIFT)], FROM_AFAR)

    async def is_shift_down(self) -> bool:
        return bool(win32api.GetAsyncKeyState(SHIFT[0]) & 0x8000)

    # the worker's desktop, in this very process

    async def open_desktop(self, view_only: bool) -> None:
        prepare = Prepare(1024, 768, attached=True, view_only=view_only)
        desktop = await WindowsBackend().open_desktop(prepare, Heard(), SystemClock())
        assert isinstance(desktop, AttachedDesktop)
        self.desktops.append(desktop)

    async def close_desktop(self) -> None:
        self.desktops.pop().close()

    @property
    def desktop(self) -> AttachedDesktop:
        return self.desktops[-1]

    async def type(self, text: str) -> bool:
        """As a browser's message. Whether it may have been done."""
        self.desktop._looked_at = float("-inf")
        for seconds in self.desktop.apply(messages.CommittedText(1, text)):
            await asyncio.sleep(seconds)
        return self.desktop._may_act

    async def hold_key_from_afar(self) -> None:
        for _ in self.desktop.apply(messages.Key(1, True, messages.SHIFT, 0, "ShiftLeft", "Shift")):
            pass

    async def may_act(self) -> bool:
        return may_act()

    async def sizes(self) -> list[Any]:
        """Before and after somebody far away wants another one."""
        before = self.desktop.size
        self.desktop.arrange([Box(0, 0, 800, 600)])
        return [before, self.desktop.maximum, self.desktop.size]

    async def notepad_text(self) -> str:
        return notepad_s_text()

    def _order(self, user: str, target: dict[str, Any]) -> Order:
        self.orders += 1
        return Order(
            session=f"{self.orders:016x}",
            tenant="t" * 16,
            user_id="b" * 16,
            user_name=user,
            slot=0,
            state="pending",
            application_id="a" * 16,
            application_name="Reception",
            command=(),
            environment={},
            display=Display(width=1024, height=768),
            desktop=DesktopTarget(**target),
        )

    async def _gone(self, session: str) -> None:
        """Nothing of it is left, its leader neither."""
        launcher, _ = self.links[session]
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while launcher._is_led(session) or any(
                machine.measure(pid) is not None for pid in self.last[session].processes.values()
            ):
                await asyncio.sleep(0.02)


def _is_it(message: Any, what: str) -> bool:
    if what == "shown":
        return isinstance(message, WorkerState) and message.windows > 0
    if what == "asked":
        return isinstance(message, Status) and "application" in message.processes
    return isinstance(message, Status) and message.ended


async def serve(folder: Path) -> None:
    win32gui.GetDesktopWindow()  # or Wine starts its desktop's process for the first session
    host = Host(folder)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        try:
            answer = {"result": await getattr(host, asked.pop("do"))(**asked)}
        except Refused as exc:
            answer = {"refused": exc.code, "message": exc.message}
        except Exception:
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
