"""A worker of Windows under Wine, as the agent of its session and its gateway see it: worker_session.py for Windows.

    async with wine_worker(windows) as session:
        windows.start("notepad.exe")
        client = await session.attach_drawn()

Its dial is the real one: TLS from the Windows interpreter to a gateway that the test plays.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import xcffib
import xcffib.xfixes

from portcullis.protocol.worker_channel import Start
from tests.support.patience import patient
from tests.support.windows_python import CLONE
from tests.support.wine import Wine
from tests.support.worker_session import WAIT_SECONDS, WorkerSession
from tests.support.xserver import XServer

STARTED_SECONDS = 30


class WineWorker(WorkerSession):
    def __init__(self, windows: Wine, *, width: int, height: int, application_job: str = "") -> None:
        assert windows.x is not None
        super().__init__(windows.x, width=width, height=height)
        self.windows = windows
        self._own = {
            "display": "",
            "framebuffer": "",
            "xauthority": "",
            "application_job": application_job,
        }
        self._hiding = hide_pointer(windows.x)

    def start_line(self, **changes: object) -> Start:
        return super().start_line(**{**self._own, **changes})

    async def start(self, *, shown: bool = False) -> None:
        """Its desktop is open. Until a program shows a window, viewers wait for it."""
        await self.launch()
        self.tell(self.start_line())
        await self.until(lambda: self.state is not None)

    async def launch(self) -> None:
        await self._listen()
        arrived = asyncio.get_running_loop().create_future()
        carriers = await asyncio.start_server(
            lambda reader, writer: arrived.set_result((reader, writer)), "127.0.0.1", 0
        )
        port = carriers.sockets[0].getsockname()[1]
        self._log_file = (self.x.folder / f"worker-{self.session}.log").open("w+b")
        carrier = self.windows.path(CLONE / "tests/support/worker_carrier.py")
        self.process = self.windows.start_python(carrier, str(port))
        self._logging = asyncio.create_task(asyncio.to_thread(self._keep_log))
        async with asyncio.timeout(patient(STARTED_SECONDS)):
            reader, self._writer = await arrived
        carriers.close()
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def stop(self) -> None:
        self._hiding.disconnect()
        self._writer.close()  # the worker ends without its leader
        await asyncio.to_thread(self.process.wait, patient(WAIT_SECONDS))
        await super().stop()
        self.process.stdin.close()
        self.process.stdout.close()

    def _keep_log(self) -> None:
        """Until the last process that has this pipe is gone. A program of Windows writes to no plain file."""
        with contextlib.suppress(ValueError, OSError):
            while data := self.process.stderr.read1(1 << 16):
                self._log_file.write(data)
                self._log_file.flush()


def hide_pointer(x: XServer) -> xcffib.Connection:
    """Until this connection ends. Xvfb draws the pointer into its framebuffer, where Windows programs do not see it."""
    connection = x.connection()
    fixes = connection(xcffib.xfixes.key)
    fixes.QueryVersion(5, 0).reply()
    fixes.HideCursor(connection.get_setup().roots[0].root)
    connection.flush()
    return connection


@contextlib.asynccontextmanager
async def wine_worker(
    windows: Wine, *, width: int = 1280, height: int = 800, application_job: str = ""
) -> AsyncIterator[WineWorker]:
    """`application_job`: whose windows alone are shown; empty: the whole screen is."""
    session = WineWorker(windows, width=width, height=height, application_job=application_job)
    await session.start()
    try:
        yield session
    finally:
        await session.stop()
