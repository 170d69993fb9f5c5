"""What an operating system provides to the agent and its workers: `load` tells which one this machine has.

`agents/linux` and `agents/windows` provide one each, and neither imports the other. Both import what they are made of
within their methods: an agent needs no desktop, a worker no accounts, and a type checker may look at one system's part
on the other.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import argparse
    import asyncio
    from contextlib import AbstractAsyncContextManager

    from agents.contracts import Launcher, Usage
    from agents.settings import AgentSettings
    from agents.worker.desktop import Desktop, DesktopListener
    from portcullis.clock import Clock
    from portcullis.enrolment.credentials import KeyProtection
    from portcullis.protocol.discovery import Discover, Discovered
    from portcullis.protocol.worker_channel import Prepare

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


class Backend(Protocol):
    # of the agent

    @property
    def maximum_sessions(self) -> int | None:
        """So many can run at once on any machine of this kind; None: as many as the host is given slots."""
        ...

    def hosting(self, settings: AgentSettings) -> AbstractAsyncContextManager[Launcher]:
        """For as long as the agent runs: no other one uses the same runtime folder. Raises InvalidInput."""
        ...

    def discovery(self) -> Callable[[Discover], Awaitable[Discovered]]:
        """What answers questions about what is installed here."""
        ...

    def load(self) -> float:
        """One-minute load divided by the number of cores, or what comes nearest to it."""
        ...

    def memory_available_bytes(self) -> int:
        """0 when the system does not say."""
        ...

    def usage_of(self, pid: int) -> Usage:
        """Nothing, of one that has gone."""
        ...

    def key_protection(self) -> KeyProtection | None:
        """Of the machine's key at rest; None where files have modes."""
        ...

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Call it, on the running loop, when this process is asked to end."""
        ...

    def add_commands(self, commands: Commands) -> None:
        """Of `portcullis-agent`, beyond those that every system has."""
        ...

    # of the worker

    async def worker_channel(self, given: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the leader that started this process. `given`: what it said on the command line. Raises OSError."""
        ...

    async def open_desktop(self, prepare: Prepare, listener: DesktopListener, clock: Clock) -> Desktop:
        """Raises DesktopLost, OSError."""
        ...


def load() -> Backend:
    if sys.platform == "win32":
        from agents.windows.backend import WindowsBackend

        return WindowsBackend()
    from agents.linux.backend import LinuxBackend

    return LinuxBackend()
