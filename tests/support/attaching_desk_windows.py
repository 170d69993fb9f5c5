"""A person's desktop of Windows, under Wine, for `attaching_claims`: what they do with mouse and keyboard comes by X,
which Wine takes for hardware."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from typing import Any

from agents.desktops.shapes import ALLOW, DIALOG, END, REFUSE, Area
from portcullis.errors import Refused
from tests.support.attaching_claims import Seen
from tests.support.patience import until
from tests.support.wine import Wine

PLACES = {"allow": (ALLOW, "asks for your screen"), "refuse": (REFUSE, "asks for your screen")}
PLACES["end"] = (END, "this screen")
_WINDOW_SECONDS = 30


class PersonAtWindows:
    """Who sits at that screen."""

    def __init__(self, windows: Wine) -> None:
        self.windows = windows

    async def window(self, title: str) -> None:
        await until(lambda: self.shows(title), _WINDOW_SECONDS)

    async def shows(self, title: str) -> bool:
        return bool(await self._found(title))

    async def choose(self, what: str) -> None:
        """Clicked until it counts: at first *Allow* does not."""
        area, title = PLACES[what]

        async def is_chosen() -> bool:
            found = await self._found(title)
            if found:
                x, y = await self._place(found[0])
                await self.move(x + middle(area)[0], y + middle(area)[1])
                await self.xdotool("click", "1")
            return not found

        await self.window(title)
        await until(is_chosen)

    async def type_keys(self) -> None:
        await self.xdotool("key", "Return", "space", "Tab", "Return", "y")

    async def move(self, x: int, y: int) -> None:
        await self.xdotool("mousemove", str(x), str(y))

    async def xdotool(self, *words: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            ("xdotool", *words),
            env=self.windows.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    async def _found(self, title: str) -> list[str]:
        return (await self.xdotool("search", "--onlyvisible", "--name", f"^Portcullis: .*{title}")).split()

    async def _place(self, window: str) -> tuple[int, int]:
        lines = (await self.xdotool("getwindowgeometry", "--shell", window)).split()
        said = dict(line.split("=") for line in lines)
        return int(said["X"]), int(said["Y"])


class WindowsDesk(PersonAtWindows):
    def __init__(self, windows: Wine, folder: str = "C:\\attached") -> None:
        super().__init__(windows)
        self._host = windows.start_python("-m", "tests.support.attaching_on_windows", folder)
        self._lock = asyncio.Lock()
        self.log = b""
        threading.Thread(target=self._keep_log, daemon=True).start()

    async def begin(self) -> None:
        self.known = await self.call("account")
        self.account, self.display = self.known["account"], self.known["display"]

    def stop(self) -> None:
        assert self._host.stdin is not None
        self._host.stdin.close()
        self._host.wait(30)

    async def call(self, do: str, **arguments: Any) -> Any:
        async with self._lock:
            return await asyncio.to_thread(self._call, {"do": do, **arguments})

    async def agent(
        self, *allowed: str, left_seconds: float = 60.0, real_worker: bool = False
    ) -> WindowsAgent:
        number = await self.call(
            "agent", allowed=list(allowed), left_seconds=left_seconds, real_worker=real_worker
        )
        return WindowsAgent(self, number)

    async def make_up_clicks(self) -> None:
        await self.call("make_up_clicks", places=[middle(ALLOW), middle(REFUSE)])

    async def hold_shift_from_afar(self) -> None:
        await self.call("hold_shift")

    async def is_shift_down(self) -> bool:
        return bool(await self.call("is_shift_down"))

    def _call(self, request: dict[str, Any]) -> Any:
        assert self._host.stdin is not None and self._host.stdout is not None
        self._host.stdin.write(json.dumps(request).encode() + b"\n")
        self._host.stdin.flush()
        line = self._host.stdout.readline()
        assert line, f"the host has ended:\n{self.log[-3000:].decode(errors='replace')}"
        answer = json.loads(line)
        if "refused" in answer:
            raise Refused(answer["refused"], answer["message"])
        assert "failed" not in answer, f"{request}: {answer['failed']}"
        return answer["result"]

    def _keep_log(self) -> None:
        assert self._host.stderr is not None
        for line in self._host.stderr:
            self.log += line


class WindowsAgent:
    def __init__(self, desk: WindowsDesk, number: int) -> None:
        self._desk = desk
        self._number = number

    async def launch(self, user: str, **target: Any) -> WindowsAttached:
        session = await self._desk.call("launch", agent=self._number, user=user, target=target)
        return WindowsAttached(self._desk, session)

    async def adopt(self) -> WindowsAttached:
        return WindowsAttached(self._desk, await self._desk.call("adopt", agent=self._number))

    async def look(self, user: str, **target: Any) -> tuple[str, str, str]:
        outcome, detail, code = await self._desk.call("look", agent=self._number, user=user, target=target)
        return outcome, detail, code


class WindowsAttached:
    def __init__(self, desk: WindowsDesk, session: str) -> None:
        self._desk = desk
        self._session = session

    async def asked(self) -> Seen:
        return await self._until("asked")

    async def shown(self) -> Seen:
        return await self._until("shown")

    async def ended(self) -> Seen:
        return await self._until("ended")

    async def log_off(self) -> Seen:
        return Seen(**await self._desk.call("log_off", session=self._session))

    async def leave(self) -> None:
        await self._desk.call("leave", session=self._session)

    async def kill(self, name: str) -> None:
        await self._desk.call("kill", session=self._session, name=name)

    async def _until(self, what: str) -> Seen:
        return Seen(**await self._desk.call("until", session=self._session, what=what))


def middle(area: Area) -> tuple[int, int]:
    """In pixels: tests have 96 of them an inch."""
    assert area.x + area.width <= DIALOG[0]
    return round(area.x + area.width / 2), round(area.y + area.height / 2)
