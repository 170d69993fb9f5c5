"""Can the grid be written? What a broker goes by when it decides between serving and degraded mode.

It looks twice a second: a linearizable read, or, once a write has failed, a small write, for a store may still be read
when it takes nothing any more (a full disk, an exhausted quota). Every transaction counts as well. When nothing has
succeeded for DEGRADED_AFTER_SECONDS the grid counts as degraded, a look that hangs included, and with the first success
as writable again. A change of etcd's leader is shorter than that, or a little longer: whoever wants to write waits
with `until_writable` for a moment before giving up.

Only time in which this process listened counts: while its event loop is busy elsewhere, or the process is frozen, an
answer may have come long ago. Time passes in short waits, and one that took longer than it should counts as it should
have been.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from broker.grid.grid import GridError
from portcullis.clock import Clock
from portcullis.errors import Unavailable
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LOOK_TIMEOUT_SECONDS = 2.0
DEGRADED_AFTER_SECONDS = 2.5
WAIT_SECONDS = 0.25
LATE_SECONDS = 0.1
"""A wait that ends later than this was held up by the loop itself."""
EXACT_SECONDS = 0.001
"""No timer is more exact than this."""


class GridHealth:
    """`read` and `write` raise GridError or Unavailable when the grid does not do it."""

    def __init__(
        self,
        read: Callable[[], Awaitable[object]],
        write: Callable[[], Awaitable[object]],
        clock: Clock,
    ) -> None:
        self._read = read
        self._write = write
        self._clock = clock
        self._succeeded_at = clock.monotonic()
        self._silent_seconds = 0.0
        self._write_failed = False
        self._degraded_since: float | None = None
        self._callbacks: dict[object, Callable[[], None]] = {}
        self._writable = asyncio.Event()
        self._writable.set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def writable(self) -> bool:
        return self._degraded_since is None

    async def until_writable(self, seconds: float) -> bool:
        """Wait for it; whether it is."""
        try:
            async with asyncio.timeout(seconds):
                await self._writable.wait()
        except TimeoutError:
            return False
        return True

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when the grid becomes degraded or writable, until the function returned here is called."""
        handle = object()
        self._callbacks[handle] = callback
        return lambda: self._callbacks.pop(handle, None) and None

    def start(self) -> None:
        self._tasks = [spawn(self._look(), name="grid looks"), spawn(self._judge(), name="grid health")]

    async def stop(self) -> None:
        await cancel_and_wait(*self._tasks)

    def wrote(self) -> None:
        """A transaction was answered."""
        self._write_failed = False
        self._succeeded()

    def failed_to_write(self) -> None:
        """A transaction was not: from now on only one that is answered counts."""
        self._write_failed = True

    async def _look(self) -> None:
        while True:
            begun, writes = self._clock.monotonic(), self._write_failed
            try:
                await self._answer_of(self._write if writes else self._read)
            except (GridError, Unavailable, TimeoutError) as exc:
                log.debug("the grid did not answer a look: %r", exc)
            else:
                if writes:
                    self.wrote()
                elif not self._write_failed:
                    self._succeeded()
            spent = self._clock.monotonic() - begun
            await asyncio.sleep(max(0.05, LOOK_SECONDS - spent))

    async def _answer_of(self, look: Callable[[], Awaitable[object]]) -> None:
        """Raises TimeoutError when there is none after LOOK_TIMEOUT_SECONDS of listening, and what the look raises."""
        looking = spawn(_awaited(look), name="look at the grid")
        left = LOOK_TIMEOUT_SECONDS
        try:
            while left > 0:
                begun, seconds = self._clock.monotonic(), min(left, WAIT_SECONDS)
                await asyncio.wait([looking], timeout=seconds)
                if looking.done():
                    error = looking.result()
                    if error is not None:
                        raise error
                    return
                left -= listened(self._clock.monotonic() - begun, seconds)
            raise TimeoutError
        finally:
            await cancel_and_wait(looking)

    async def _judge(self) -> None:
        while True:
            left = DEGRADED_AFTER_SECONDS - self._silent_seconds
            if left < EXACT_SECONDS:
                self._degrade()
                left = WAIT_SECONDS
            begun, seconds = self._clock.monotonic(), min(left, WAIT_SECONDS)
            await asyncio.sleep(seconds)
            now = self._clock.monotonic()
            self._silent_seconds += listened(min(now - begun, now - self._succeeded_at), seconds)

    def _succeeded(self) -> None:
        self._succeeded_at = self._clock.monotonic()
        self._silent_seconds = 0.0
        if self._degraded_since is None:
            return
        log.warning("the grid takes changes again, after %.1f s", self._clock.now() - self._degraded_since)
        self._degraded_since = None
        self._writable.set()
        self._tell()

    def _degrade(self) -> None:
        if self._degraded_since is not None:
            return
        self._degraded_since = self._clock.now()
        self._writable.clear()
        log.error(
            "the grid takes no changes: sessions go on, sign-ins, launches and changes are refused [grid_degraded]"
        )
        self._tell()

    def _tell(self) -> None:
        for callback in list(self._callbacks.values()):
            callback()


def listened(passed: float, meant: float) -> float:
    """Of the seconds that `passed` in a wait which was to take `meant`: those in which the loop took what came."""
    return passed if passed <= meant + LATE_SECONDS else meant


async def _awaited(look: Callable[[], Awaitable[object]]) -> Exception | None:
    """A look that fails is an answer, not a task that failed."""
    try:
        await look()
    except (GridError, Unavailable) as exc:
        return exc
    return None
