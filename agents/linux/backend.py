"""What Linux provides (`agents.backend`). Its parts are imported within the methods: a worker loads no agent."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.backend import Commands
    from agents.contracts import Launcher, Usage
    from agents.settings import AgentSettings
    from agents.worker.desktop import Desktop, DesktopListener
    from portcullis.clock import Clock
    from portcullis.protocol.discovery import Discover, Discovered
    from portcullis.protocol.worker_channel import Prepare

_CHANNEL = 3
"""The worker's end of a socketpair has this number."""


class LinuxBackend:
    maximum_sessions = None

    @contextlib.asynccontextmanager
    async def hosting(self, settings: AgentSettings) -> AsyncIterator[Launcher]:
        from agents.linux import hosting
        from agents.linux.forking import Forking
        from agents.linux.launch_line import WORKER_ENVIRONMENT

        accounts = hosting.accounts_of(settings)
        with hosting.only_agent(settings.runtime, accounts.folder_mode):
            async with contextlib.aclosing(Forking(WORKER_ENVIRONMENT)) as forking:
                yield hosting.launcher(settings, accounts, forking)

    def discovery(self) -> Callable[[Discover], Awaitable[Discovered]]:
        from agents.linux.discovery.host import Discovery

        return Discovery().answer

    def load(self) -> float:
        from agents.linux import machine

        return machine.load()

    def memory_available_bytes(self) -> int:
        from agents.linux import machine

        return machine.memory_available_bytes()

    def usage_of(self, pid: int) -> Usage:
        from agents.linux import usage

        return usage.usage_of(pid)

    def key_protection(self) -> None:
        return None

    def on_stop(self, stop: Callable[[], None]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)

    def add_commands(self, commands: Commands) -> None:
        from agents.linux import commands as own

        own.add(commands)

    async def worker_channel(self, given: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(sock=socket.socket(fileno=_CHANNEL))

    async def open_desktop(self, prepare: Prepare, listener: DesktopListener, clock: Clock) -> Desktop:
        from agents.linux.desktop import open_desktop

        return await open_desktop(prepare, listener, clock)
