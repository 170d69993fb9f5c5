"""A real Xvfb for tests, with its cookie and framebuffer file, and X programs in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import xcffib
import xcffib.xproto

from tests.support.framebuffer import read_framebuffer
from tests.support.patience import patient, until

STARTED_SECONDS = 15


class XServer:
    def __init__(
        self, folder: Path, width: int = 1920, height: int = 1200, *, shared_memory: bool = False
    ) -> None:
        self.folder = folder
        self.xauthority = folder / "xauthority"
        self.framebuffer = folder / "Xvfb_screen0"
        self._write_cookie("")
        reading, writing = os.pipe()
        size = f"{width}x{height}x24"
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-fbdir", str(folder)]
        command += ["-auth", str(self.xauthority), "-nolisten", "tcp", "-noreset"]
        command += [] if shared_memory else ["-extension", "MIT-SHM"]
        self.process = subprocess.Popen(
            command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            number = pipe.readline().strip().decode()
        assert number, "Xvfb did not start"
        self.display = f":{number}"
        self._write_cookie(number)
        self._programs: list[subprocess.Popen[bytes]] = []
        self.variables: dict[str, str] = {}
        """Of the session, beside the usual ones."""

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder), "NO_AT_BRIDGE": "1"}
        display = {"DISPLAY": self.display, "XAUTHORITY": str(self.xauthority), "LC_ALL": "C.UTF-8"}
        return kept | home | display | self.variables

    def start(self, *command: str, **options) -> subprocess.Popen[bytes]:
        """A program of the session; ended with the server."""
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        program = subprocess.Popen(command, env=self.environment, **options)
        self._programs.append(program)
        return program

    def connection(self) -> xcffib.Connection:
        """Of this process, to draw by itself."""
        before = os.environ.get("XAUTHORITY")
        os.environ["XAUTHORITY"] = str(self.xauthority)
        try:
            return xcffib.Connection(self.display)
        finally:
            os.environ.pop("XAUTHORITY")
            if before is not None:
                os.environ["XAUTHORITY"] = before

    def show_window(self) -> Callable[[], None]:
        """A window of this process, out of sight; the answer closes it."""
        xcb = self.connection()
        window, root = xcb.generate_id(), xcb.get_setup().roots[0].root
        xcb.core.CreateWindow(0, window, root, -9, -9, 1, 1, 0, 0, 0, 0, [])
        xcb.core.MapWindow(window)
        xcb.flush()
        return xcb.disconnect

    async def run(self, *command: str, stdin: bytes = b"") -> str:
        """A program that ends by itself: its output."""
        program = await asyncio.create_subprocess_exec(
            *command,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(patient(STARTED_SECONDS)):
                output, _ = await program.communicate(stdin)
        finally:
            if program.returncode is None:
                program.kill()
                await program.communicate()
        return output.decode()

    async def window(self, *search: str) -> int:
        """The first visible window that xdotool finds; waits for it."""
        output = await self.run("xdotool", "search", "--sync", "--onlyvisible", *search)
        return int(output.split()[0])

    async def window_manager(self) -> None:
        self.start("openbox", "--sm-disable")
        await until(self._has_manager)

    def picture(self, width: int, height: int) -> np.ndarray:
        return read_framebuffer(self.framebuffer, width, height)

    def stop(self) -> None:
        for program in (*self._programs, self.process):
            program.terminate()
        for program in (*self._programs, self.process):
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(5)
            program.kill()
            program.wait()

    async def _has_manager(self) -> bool:
        return "window id" in await self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")

    def _write_cookie(self, number: str) -> None:
        if not hasattr(self, "_cookie"):
            # A colon in it was what xcffib's own `auth` argument could not take.
            self._cookie = b":" + secrets.token_bytes(15)
        parts = (b"", number.encode(), b"MIT-MAGIC-COOKIE-1", self._cookie)
        entry = struct.pack(">H", 0xFFFF) + b"".join(struct.pack(">H", len(p)) + p for p in parts)
        self.xauthority.write_bytes(entry)


@contextlib.contextmanager
def x_server(**options: int) -> Iterator[XServer]:
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as folder:
        server = XServer(Path(folder), **options)
        try:
            yield server
        finally:
            server.stop()


def _memory_folder() -> str | None:
    return "/dev/shm" if shutil.disk_usage("/dev/shm").free > (256 << 20) else None
