"""One watch, over as many streams as it takes: resumed after the last revision that it delivered, wherever.

The cursor moves at whole answers only: etcd never splits a revision over two (fragments are not asked for), and the
revision in an answer's header may be ahead of the events that are still to come.

A stream may be silent because nothing happened or because its member hangs. It is left as soon as a call to that
member fails while others answer. And whatever revision a quorum has
answered to this process, the watch must reach it: a silent one has its member asked where it stands (servers that
answer this in order), and is made anew at another member when nothing comes of it. While nothing else in the process
asks the grid, the watch itself reads now and then. On servers that do not answer in order, other users of the same
etcd look like events that are missing: then the watch is made anew in vain, ever more seldom.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

import grpc

from broker.grid.etcd import messages as m
from broker.grid.etcd.endpoint import RANGE, Endpoint, cancellation
from broker.grid.etcd.members import CALL_SECONDS, PAUSE_SECONDS, Members
from broker.grid.etcd.translation import end_of, events_of, get
from broker.grid.etcd.troubles import GridDenied, GridUnreachable, Missed, understood
from broker.grid.grid import Changes, Compacted, GridError, GridUnavailable
from portcullis.clock import Clock
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
OPEN_SECONDS = 1.0
PATIENCE_SECONDS = 1.0
MOST_PATIENCE_SECONDS = 60.0
SILENCE_SECONDS = 1.0
"""After that long without a word of the watch the grid is read: one cheap read, while nothing else goes on."""


class Watch:
    def __init__(
        self,
        members: Members,
        clock: Clock,
        prefix: str,
        from_revision: int,
        orders_progress: Callable[[Endpoint], bool],
    ) -> None:
        self._members = members
        self._clock = clock
        self._prefix = prefix
        self._cursor = max(1, from_revision)
        self._orders_progress = orders_progress
        self._patience = PATIENCE_SECONDS
        self._last: Endpoint | None = None

    async def changes(self) -> AsyncGenerator[Changes, None]:
        """For ever. Raises Compacted, GridUnavailable."""
        failing_since: float | None = None
        while True:
            self._members.check()
            endpoint = self._choose()
            stream = _Stream(self, endpoint)
            try:
                async for changes in stream.changes():
                    self._cursor = changes.revision + 1
                    if changes.events:
                        self._patience = PATIENCE_SECONDS
                    yield changes
            except Missed as exc:
                self._members.find_out(endpoint)
                now = self._clock.monotonic()
                failing_since = now if failing_since is None or stream.was_open else failing_since
                if now - failing_since >= CALL_SECONDS:
                    raise GridUnreachable(f"no etcd member can be watched; {endpoint}: {exc}") from exc
                log.info("watch at etcd member %s: %s; it goes on at another", endpoint, exc)
            finally:
                await stream.close()
            await asyncio.sleep(PAUSE_SECONDS)

    def _choose(self) -> Endpoint:
        """The best one, but not the same again right away."""
        candidates = self._members.candidates()
        others = [endpoint for endpoint in candidates if endpoint is not self._last]
        self._last = (others or candidates)[0]
        return self._last

    def is_behind(self) -> bool:
        return self._cursor <= self._members.revision

    def lose_patience(self) -> None:
        self._patience = min(MOST_PATIENCE_SECONDS, 2 * self._patience)


class _Stream:
    """`changes` once, then `close`."""

    def __init__(self, watch: Watch, endpoint: Endpoint) -> None:
        self._watch = watch
        self._endpoint = endpoint
        self.was_open = False
        self._ordered = watch._orders_progress(endpoint)
        self._clock = watch._clock
        self._call = endpoint.watch()
        self._reading: asyncio.Task[Any] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._heard_at = self._clock.monotonic()
        self._behind_since: float | None = None

    async def changes(self) -> AsyncGenerator[Changes, None]:
        await self._open()
        while True:
            answer = await self._next()
            if answer is None:
                await self._suspect()
            elif (changes := self._understand(answer)) is not None:
                self._heard_at = self._clock.monotonic()
                self._behind_since = None
                yield changes

    async def close(self) -> None:
        self._call.cancel()
        await cancel_and_wait(self._reading, self._probing)

    async def _open(self) -> None:
        prefix = self._watch._prefix
        create = m.WatchCreate(
            key=prefix.encode(), range_end=end_of(prefix), start_revision=self._watch._cursor
        )
        await self._send(m.WatchRequest(create=create))
        answer = await self._next(OPEN_SECONDS)
        if answer is None:
            raise Missed("it does not open a watch")
        self._understand(answer)
        self.was_open = True

    async def _send(self, request: Any) -> None:
        """Raises Missed, GridError."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._call.write(request)
        except TimeoutError as exc:
            raise Missed("it takes no request") from exc
        except grpc.RpcError as exc:
            raise understood(exc) from exc
        except (
            asyncio.InvalidStateError,
            grpc.aio.InternalError,
        ) as exc:  # what a stream that has just died says
            raise Missed(str(exc)) from exc
        except asyncio.CancelledError as exc:
            raise cancellation() from exc

    async def _next(self, seconds: float = TICK_SECONDS) -> Any:
        """None: not yet. (Cancelling a read would end the call: it stays for the next time.)"""
        if self._reading is None:
            self._reading = spawn(_read(self._call), name="etcd watch")
        await asyncio.wait({self._reading}, timeout=seconds)
        if not self._reading.done():
            return None
        reading, self._reading = self._reading, None
        if reading.cancelled():  # the channel was closed
            raise GridUnavailable("the grid is closed")
        answer = reading.result()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _understand(self, answer: Any) -> Changes | None:
        """Every answer is looked at for its end: `created` comes even before that."""
        self._watch._members.check_cluster(self._endpoint, answer.header)
        if answer.compact_revision:
            raise Compacted(f"revision {self._watch._cursor}; etcd starts at {answer.compact_revision}")
        if answer.canceled:
            raise _cancelled(answer.cancel_reason)
        if answer.events:
            return Changes(answer.events[-1].kv.mod_revision, events_of(answer.events))
        if self._ordered and not answer.created and answer.header.revision >= self._watch._cursor:
            return Changes(answer.header.revision, ())
        return None

    async def _suspect(self) -> None:
        """Nothing came for a while."""
        if self._watch._members.is_doubted(self._endpoint):
            raise Missed("calls to it fail")
        now = self._clock.monotonic()
        if not self._watch.is_behind():
            self._behind_since = None
            if now - self._heard_at >= SILENCE_SECONDS:
                self._probe()
        elif self._behind_since is None:
            self._behind_since = now
            if self._ordered:
                await self._send(m.WatchRequest(progress=m.WatchProgress()))
        elif now - self._behind_since >= self._watch._patience:
            self._watch.lose_patience()
            raise Missed(f"it has not told of revision {self._watch._members.revision}")

    def _probe(self) -> None:
        self._heard_at = self._clock.monotonic()
        if self._probing is None or self._probing.done():
            self._probing = spawn(self._read_grid(), name="etcd watch probe")

    async def _read_grid(self) -> None:
        request = get(self._watch._prefix)
        try:
            await self._watch._members.call(lambda endpoint, left: endpoint.call(RANGE, request, left))
        except GridError as exc:
            log.info("whether a watch is whole cannot be told now: %s", exc)


async def _read(call: Any) -> Any:
    """An answer, or why there is none."""
    try:
        answer = await call.read()
    except grpc.RpcError as exc:
        return understood(exc)
    except (asyncio.InvalidStateError, grpc.aio.InternalError) as exc:
        return Missed(str(exc))
    return Missed("the stream ended") if answer is grpc.aio.EOF else answer


def _cancelled(reason: str) -> Exception:
    if "permission denied" in reason:
        return GridDenied(f"etcd refuses this broker's certificate: {reason}")
    return Missed(reason or "it ended the watch")
