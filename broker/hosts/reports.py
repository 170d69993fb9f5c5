"""What a host reports, taken into the records one after the other: the newest of a session counts.

The channel's reader never waits for the grid: a report that the grid does not take now waits here and is tried again,
until a newer one of its session takes its place or the channel ends (then the agent reports everything anew).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

from broker.grid.grid import GridError
from broker.sessions.lifecycle import Lifecycle
from portcullis.errors import ProtocolError, Unavailable
from portcullis.logs import ids
from portcullis.protocol.reports import MAXIMUM_REPORTS, Report
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
MAXIMUM_WAITING = 2 * MAXIMUM_REPORTS
"""Those of a hello, and as many that are news before these are taken."""

Taken = Callable[[Report, bool], Awaitable[None]]
"""Called with each report that was taken, and whether this host has a record of its session. Raises GridError,
Unavailable: then the report is tried again."""


class Reports:
    def __init__(
        self, lifecycle: Lifecycle, host_id: str, at_once: asyncio.Semaphore, on_taken: Taken
    ) -> None:
        self._lifecycle = lifecycle
        self._host_id = host_id
        self._at_once = at_once
        self._on_taken = on_taken
        self._waiting: dict[str, Report] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._run(), name=f"reports-{self._host_id}")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)

    def add(self, report: Report) -> bool:
        """False: more sessions wait than a host can have, which is more than is kept."""
        if len(self._waiting) >= MAXIMUM_WAITING and report.session not in self._waiting:
            return False
        self._waiting[report.session] = report
        self._wake.set()
        return True

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                report = self._waiting.pop(next(iter(self._waiting)))
                try:
                    async with self._at_once:
                        await self._take(report)
                except (Unavailable, GridError) as exc:
                    log.warning("reports wait for the grid: %s", exc, extra=ids(host=self._host_id))
                    self._waiting.setdefault(report.session, report)
                    await asyncio.sleep(RETRY_SECONDS * (0.5 + secrets.randbelow(1024) / 1024))

    async def _take(self, report: Report) -> None:
        try:
            known = await self._lifecycle.reported(self._host_id, report)
        except ProtocolError as exc:
            log.warning(
                "report ignored: %s", exc.message, extra=ids(host=self._host_id, session=report.session)
            )
        else:
            await self._on_taken(report, known)
