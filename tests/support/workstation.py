"""A workstation's screen for tests: an X server of an account of its own, with a window manager and a program on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.support import ordinary_user
from tests.support.ordinary_user import OrdinaryUser
from tests.support.patience import until

PATIENCE_SECONDS = 30


class Workstation:
    """Everything on it runs as `user`; what `person` does is done by a program on that very display."""

    def __init__(self, user: OrdinaryUser, width: int = 1280, height: int = 800) -> None:
        self.user = user
        self.size = (width, height)
        self.cookie = secrets.token_bytes(16)
        self.authority = user.home / ".Xauthority"
        self._write_cookie()
        self._processes: list[subprocess.Popen[str]] = []
        self.display = self._start_server()

    @property
    def environment(self) -> dict[str, str]:
        return {"DISPLAY": self.display, "XAUTHORITY": str(self.authority), "NO_AT_BRIDGE": "1"}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A program of the person's."""
        command = self.user.command(*words, environment=self.environment)
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        program = subprocess.Popen(command, cwd=self.user.home, text=True, **quiet)
        self._processes.append(program)
        return program

    async def run(self, *words: str) -> str:
        done = await asyncio.to_thread(self.user.run, *words, cwd=self.user.home, **self.environment)
        return done.stdout

    async def begin(self) -> None:
        """With a window manager, and a terminal that writes what is typed to a file."""
        self.start("openbox", "--sm-disable")
        await until(self._is_managed)
        self.start("xterm", "-geometry", "80x24+80+200", "-T", "Terminal", "-e", "cat > typed")
        await self.window("Terminal")

    async def window(self, title: str) -> int:
        output = await self.run("xdotool", "search", "--sync", "--onlyvisible", "--name", title)
        return int(output.split()[0])

    async def shows(self, title: str) -> bool:
        return bool((await self.run("xdotool", "search", "--onlyvisible", "--name", title)).split())

    async def answer(self, question: str, x: int, y: int) -> None:
        """Clicked until it counts: at first *Allow* does not."""

        async def is_answered() -> bool:
            if await self.shows(question):
                await self.click(question, x, y)
            return not await self.shows(question)

        await self.window(question)
        await until(is_answered)

    async def click(self, title: str, x: int, y: int) -> None:
        """In a window, from its corner; a negative place is counted from the right or from below."""
        window = await self.window(title)
        place = dict(
            line.split("=")
            for line in (await self.run("xdotool", "getwindowgeometry", "--shell", str(window))).split()
        )
        left, top = int(place["X"]), int(place["Y"])
        x += int(place["WIDTH"]) if x < 0 else 0
        y += int(place["HEIGHT"]) if y < 0 else 0
        await self.run("xdotool", "mousemove", str(left + x), str(top + y), "click", "1")

    @property
    def typed(self) -> str:
        path = self.user.home / "typed"
        return path.read_text() if path.exists() else ""

    def end_server(self) -> None:
        """As when the person signs out."""
        self._processes[0].terminate()
        self._processes[0].wait()

    def stop(self) -> None:
        for program in reversed(self._processes):
            program.terminate()
        for program in reversed(self._processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(5)
            program.kill()
            program.wait()

    def _start_server(self) -> str:
        reading, writing = os.pipe()
        size = "x".join(map(str, (*self.size, 24)))
        words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-auth", str(self.authority)]
        command = self.user.command(*words, "-nolisten", "tcp", "-noreset")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._processes.append(subprocess.Popen(command, pass_fds=[writing], text=True, **quiet))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            number = pipe.readline().strip().decode()
        assert number, "Xvfb did not start"
        return f":{number}"

    def _write_cookie(self) -> None:
        name = b"MIT-MAGIC-COOKIE-1"
        entry = struct.pack(">HHHH", 0xFFFF, 0, 0, len(name)) + name
        self.authority.write_bytes(entry + struct.pack(">H", len(self.cookie)) + self.cookie)
        self.authority.chmod(0o600)
        os.chown(self.authority, self.user.uid, self.user.uid)

    async def _is_managed(self) -> bool:
        return "window id" in await self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")


@contextlib.contextmanager
def workstation() -> Iterator[Workstation]:
    with ordinary_user.made() as user:
        made = Workstation(user)
        try:
            yield made
        finally:
            made.stop()


def everything_said(folder: Path) -> bytes:
    """What anybody might read: arguments and environments of all processes, and the files of a folder."""
    said = b""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            said += Path(f"/proc/{process.pid}/cmdline").read_bytes()
            said += Path(f"/proc/{process.pid}/environ").read_bytes()
    return said + b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
