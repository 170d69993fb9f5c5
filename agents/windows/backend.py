"""What Windows provides (`agents.backend`). Its parts are imported within the methods: a worker loads no agent."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.backend import Commands
    from agents.contracts import Launcher, Usage
    from agents.settings import AgentSettings
    from agents.windows.interactive import Places
    from agents.windows.machine import Load
    from agents.worker.desktop import Desktop, DesktopListener
    from portcullis.clock import Clock
    from portcullis.enrolment.credentials import KeyProtection
    from portcullis.protocol.discovery import Discover, Discovered
    from portcullis.protocol.worker_channel import Prepare


class WindowsBackend:
    maximum_sessions = 1
    """There is one desktop that people see: Windows makes others for who signs in by a remote protocol alone."""

    def __init__(self, places: Places | None = None) -> None:
        """`places`: None for an agent that somebody runs on their own desktop."""
        self._places = places
        self._load: Load | None = None

    @contextlib.asynccontextmanager
    async def hosting(self, settings: AgentSettings) -> AsyncIterator[Launcher]:
        from agents.windows import hosting
        from agents.windows.interactive import OwnSession

        with hosting.only_agent(hosting.runtime_of(settings)) as runtime:
            yield hosting.launcher(settings, runtime, self._places or OwnSession())

    def discovery(self) -> Callable[[Discover], Awaitable[Discovered]]:
        from agents.windows.discovery.host import Discovery

        return Discovery().answer

    def load(self) -> float:
        from agents.windows.machine import Load

        self._load = self._load or Load()
        return self._load.now()

    def memory_available_bytes(self) -> int:
        from agents.windows import machine

        return machine.memory_available_bytes()

    def usage_of(self, pid: int) -> Usage:
        from agents.windows import machine

        return machine.usage_of(pid)

    def key_protection(self) -> KeyProtection | None:
        from agents.windows.secrets import MachineSecret

        return MachineSecret()

    def on_stop(self, stop: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))

    def add_commands(self, commands: Commands) -> None:
        """None: the service is installed by its package."""

    async def worker_channel(self, given: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        from agents.windows import pipe

        return pipe.inherited(int(given))

    async def open_desktop(self, prepare: Prepare, listener: DesktopListener, clock: Clock) -> Desktop:
        if prepare.attached:
            from agents.windows.desktops.desktop import attach_desktop

            return await attach_desktop(prepare, listener, clock)
        from agents.windows.desktop import open_desktop

        return await open_desktop(prepare, listener, clock)
