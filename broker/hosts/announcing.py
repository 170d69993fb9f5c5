"""Keeping a host live while its control channel stands here, whether the grid can be written or not.

Announcing is a task of its own: the channel serves its host meanwhile, so a broker without a grid still tells hosts
what is revoked. How many announce at once is bounded for all channels together: a broker to which every host of the
site comes at the same moment takes them in at a rate that leaves the grid room for launches.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.grid.grid import GridError, LeaseGone
from broker.repositories.hosts import Hosts, Moved
from portcullis.errors import Unavailable
from portcullis.logs import ids
from portcullis.model.host import Host, LiveHost
from portcullis.protocol.features import placed_by
from portcullis.protocol.reports import Hello
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

AT_ONCE = 32
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Announcing:
    """What all channels of a broker share."""

    hosts: Hosts
    broker_id: str
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


class Announcement:
    """Of one host, for as long as its channel stands. `done` is set once the host is live."""

    def __init__(self, shared: Announcing, host: Host, hello: Hello, on_moved: Callable[[], None]) -> None:
        """`on_moved`: the host holds a channel to another broker now."""
        self._shared = shared
        self._host = host
        self._hello = hello
        self._on_moved = on_moved
        self._live: LiveHost | None = None
        self._due = asyncio.Event()
        self._due.set()
        self._task: asyncio.Task[None] | None = None
        self.done = asyncio.Event()

    def start(self) -> None:
        self._task = spawn(self._run(), name=f"announcement-{self._host.id}")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)

    def heard(self) -> None:
        """The host gave a sign of life: its lease has its full time again."""
        self._due.set()

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                async with self._shared.at_once:
                    await self._renew()
            except (GridError, Unavailable) as exc:
                log.warning("a host's liveness is not renewed: %s", exc, extra=ids(host=self._host.id))
                await self._retry()
            except Moved:
                self._on_moved()
                return

    async def _retry(self) -> None:
        """What is announced already waits for the next heartbeat."""
        if self._live is None:
            await asyncio.sleep(RETRY_SECONDS * (0.5 + secrets.randbelow(1024) / 1024))
            self._due.set()

    async def _renew(self) -> None:
        hosts, host, hello = self._shared.hosts, self._host, self._hello
        if self._live is not None:
            try:
                await hosts.keep_alive(self._live)
                return
            except LeaseGone:
                pass
        is_back = self._live is not None
        self._live = await hosts.announce(
            host.id,
            hello.incarnation,
            self._shared.broker_id,
            hello.version,
            placed_by(hello.features),
            only_if_absent=is_back,
        )
        await self._take_facts()
        self.done.set()

    async def _take_facts(self) -> None:
        """The host's own settings say how many sessions it runs, and walled off by what; the record follows them."""
        host, hello = self._shared.hosts.get(self._host.id) or self._host, self._hello
        said = (hello.slots, hello.isolation, hello.starting_limit)
        if said != (host.slots, host.isolation, host.starting_limit):
            log.info(
                "host changes to %d slots, isolation %s, %d starts at once", *said, extra=ids(host=host.id)
            )
            await self._shared.hosts.take_facts(host.id, *said)
