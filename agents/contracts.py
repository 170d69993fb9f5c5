"""What an operating system must provide to run sessions. `agents/linux/` and `agents/windows/` implement it;
`sessions/` uses it.

A *leader* is whatever keeps a session alive without the agent. The agent holds a `LeaderLink` to each; it may lose it
and find the leader again (`adopt`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from portcullis.model.host import Isolation
from portcullis.model.rdp import Credentials
from portcullis.protocol.acts import Process
from portcullis.protocol.checks import Check, CheckResult
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import FromWorker, Start, Status, ToWorker

AskCredentials = Callable[[Order], Awaitable[Credentials]]
"""What signs in to the RDP server of an order. Raises PortcullisError."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used."""

    cpu_seconds: float = 0.0
    resident_bytes: float = 0.0


class LeaderLink(Protocol):
    @property
    def session(self) -> str: ...

    async def receive(self) -> Status | FromWorker | None:
        """The next line; None once the leader has closed the connection or has gone."""
        ...

    def send(self, message: ToWorker) -> None:
        """To the worker. Lost when the leader has gone: `receive` tells."""
        ...

    def end(self, code: str, grace_seconds: float, detail: str | None = None) -> None:
        """End the session: ask the application first, kill what is left after the grace."""
        ...

    async def close(self) -> None:
        """Drop the connection; the session goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Adopted:
    """A session that was found: its leader, or how it ended while no agent was there."""

    status: Status
    link: LeaderLink | None


class Launcher(Protocol):
    @property
    def isolation(self) -> Isolation:
        """What walls sessions off from each other and from their workers."""
        ...

    @property
    def grouping(self) -> str:
        """What bounds a session's memory and processes: a value of the metric `grouping`."""
        ...

    async def launch(
        self, order: Order, start: Start, credentials: AskCredentials | None = None
    ) -> LeaderLink:
        """Start the session's leader. `credentials`: asked once an RDP server of the order was met. An order with
        `desktop`, where `features` name those, is attached to a display that somebody uses (`agents.desktops`): its end
        ends nothing else. Raises PortcullisError with the code of what failed."""
        ...

    async def keep_ready(self, count: int, may_begin: bool = True) -> None:
        """Keep as many sessions prepared ahead of need, for the launches to come. Those too many have gone at return;
        those that lack, if it may begin now, are prepared one by one, out of the way of what runs. Each is used once,
        and does not outlive this agent."""
        ...

    @property
    def ready(self) -> int:
        """How many are."""
        ...

    @property
    def ready_memory_bytes(self) -> int:
        """What they hold."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """What this machine can do that not every one can, by the names of the agent's hello."""
        ...

    def looks(self, check: Check) -> Mapping[str, Callable[[], CheckResult]]:
        """What would keep the application from starting for this user, by what is looked at. Each may block for a
        moment, and none changes anything."""
        ...

    def processes(self, known: Mapping[str, int]) -> Sequence[Process]:
        """Of the session whose leader started these, the leader left out. Blocks for a moment. Raises OSError."""
        ...

    async def adopt(self) -> list[Adopted]:
        """Every session that is found on this host. Clean up after leaders that were killed."""
        ...

    async def reopen(self, session: str) -> LeaderLink | None:
        """A new link to a leader whose link has closed; None when it has gone."""
        ...

    async def ended(self, session: str) -> Status | None:
        """How a session ended whose link has closed; None when its leader was killed (`forget` cleans up)."""
        ...

    async def forget(self, session: str) -> None:
        """Remove what is kept of a session that has ended."""
        ...
