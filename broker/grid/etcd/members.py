"""The members of the cluster: who is asked, for how long, and what no answer may contradict.

A call is tried at one member after the other, the last good one first, an attempt for about a second, until its time
is over. What the answers say of themselves is kept:

- A second cluster id means that the addresses lead to another cluster now: nothing is asked any more (`failed`).
- The revision never goes back. A member whose answer is behind what had been answered before the attempt began was
  paused or restored from an older state, and is passed over. When only such answers come, the grid itself went back:
  what this process holds in memory is no past of it, so it stops for good, too.
- A lower raft term is doubted once: another member is asked first. A term alone loses nothing.

Only answers that needed a quorum count: what a member says of itself may be ahead or behind for good reasons.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from broker.grid.etcd.endpoint import STATUS, Endpoint
from broker.grid.etcd.messages import Empty
from broker.grid.etcd.troubles import GridDenied, GridReplaced, GridUnreachable, Missed
from broker.grid.grid import GridUnavailable
from portcullis.clock import Clock
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

T = TypeVar("T")

CALL_SECONDS = 4.8
"""Of a call with all its attempts: an election takes one to two, and as long again when the vote is split. Whoever asks
for a change is told within 5 s that there is none to be had."""
ATTEMPT_SECONDS = 1.0
PAUSE_SECONDS = 0.1
"""Between two rounds in which every member failed."""
PROBE_SECONDS = 0.5
"""What a member says of itself needs no other one."""
LENGTHENING = 1.5
"""Of the attempts from round to round: what is slow must not be given up for ever."""
WENT_BACK_SECONDS = 5.0

Attempt = Callable[[Endpoint, float], Awaitable[T]]


class Behind(Missed):
    """The answer of a member that is behind what the cluster has answered before."""


class Members:
    def __init__(self, endpoints: Sequence[Endpoint], clock: Clock) -> None:
        self._endpoints = list(endpoints)
        secrets.SystemRandom().shuffle(self._endpoints)  # brokers spread over the members
        self._clock = clock
        self._cluster_id = 0
        self._good_at = clock.monotonic()
        self._doubted: set[Endpoint] = set()
        self._hung: set[Endpoint] = set()
        self._probes: dict[Endpoint, asyncio.Task[None]] = {}
        self._behind_since: dict[Endpoint, float] = {}
        self._trouble: GridUnavailable | None = None
        self.failed = asyncio.Event()
        self.revision = 0
        """The newest that a quorum has answered."""
        self._raft_term = 0

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The last good one first, the one that failed last at the end."""
        return tuple(self._endpoints)

    @property
    def trouble(self) -> str:
        return str(self._trouble or "")

    async def call(
        self, attempt: Attempt[T], seconds: float = CALL_SECONDS, patience: float = ATTEMPT_SECONDS
    ) -> T:
        """The first answer. Raises GridUnavailable, and whatever asking another member would not change.

        `patience`: of the first round's attempts.
        """
        deadline = self._clock.monotonic() + seconds
        missed: dict[Endpoint, Missed] = {}
        while True:
            for endpoint in self.candidates():
                self.check()
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    raise GridUnreachable(_summary(missed))
                try:
                    return await self._attempt(attempt, endpoint, min(patience, left))
                except Missed as exc:
                    missed[endpoint] = exc
                    self._put_last(endpoint)
                    self.find_out(endpoint)
            await asyncio.sleep(PAUSE_SECONDS)
            patience *= LENGTHENING

    async def _attempt(self, attempt: Attempt[T], endpoint: Endpoint, seconds: float) -> T:
        floor, term = self.revision, self._raft_term
        answer = await attempt(endpoint, seconds)
        self._judge(endpoint, getattr(answer, "header"), floor, term)  # noqa: B009  # T is a message
        self._put_first(endpoint)
        return answer

    def candidates(self) -> list[Endpoint]:
        """Those that hang are left out as long as there are others: each would cost a whole attempt."""
        return [each for each in self._endpoints if each not in self._hung] or list(self._endpoints)

    def find_out(self, endpoint: Endpoint) -> None:
        """Whether it hangs, or just could not answer: during an election none can."""
        probe = self._probes.get(endpoint)
        if probe is None or probe.done():
            self._probes[endpoint] = spawn(self._probe(endpoint), name=f"probe of etcd member {endpoint}")

    async def _probe(self, endpoint: Endpoint) -> None:
        try:
            await endpoint.call(STATUS, Empty(), PROBE_SECONDS)
        except GridDenied:  # an answer
            self._hung.discard(endpoint)
        except (Missed, GridUnavailable):
            self._hung.add(endpoint)
        else:
            self._hung.discard(endpoint)

    def is_doubted(self, endpoint: Endpoint) -> bool:
        """Whether its last call failed, while others answer."""
        return endpoint in self._doubted and len(self._doubted) < len(self._endpoints)

    def _put_last(self, endpoint: Endpoint) -> None:
        self._doubted.add(endpoint)
        self._endpoints.remove(endpoint)
        self._endpoints.append(endpoint)

    def _put_first(self, endpoint: Endpoint) -> None:
        self._doubted.discard(endpoint)
        self._hung.discard(endpoint)
        self._endpoints.remove(endpoint)
        self._endpoints.insert(0, endpoint)

    def check(self) -> None:
        """Raises GridUnavailable once no answer can be trusted any more, and when it was closed."""
        if self._trouble is not None:
            raise self._trouble

    def check_cluster(self, endpoint: Endpoint, header: Any) -> None:
        """Raises GridReplaced; from then on `check` does."""
        if header.cluster_id and not self._cluster_id:
            self._cluster_id = header.cluster_id
        if header.cluster_id not in (0, self._cluster_id):
            self.fail(
                f"{endpoint} belongs to another etcd cluster ({header.cluster_id:x}) than the one that this broker "
                f"began with ({self._cluster_id:x})"
            )
        self.check()

    def fail(self, reason: str) -> None:
        """No answer is trusted from now on."""
        if self._trouble is None:
            log.error("the grid is given up: %s", reason)
            self._trouble = GridReplaced(reason)
            self.failed.set()

    def _judge(self, endpoint: Endpoint, header: Any, floor: int, term: int) -> None:
        self.check_cluster(endpoint, header)
        if header.revision < floor:
            self._note_behind(endpoint, header.revision, floor)
            self.check()
            raise Behind(f"it is at revision {header.revision}, after {floor} had been answered")
        if header.raft_term < term:
            self._raft_term = header.raft_term
            raise Behind(f"it is in raft term {header.raft_term}, after {term} had been answered")
        self._behind_since.pop(endpoint, None)
        self._good_at = self._clock.monotonic()
        self._raft_term = max(self._raft_term, header.raft_term)
        self.revision = max(self.revision, header.revision)

    def _note_behind(self, endpoint: Endpoint, revision: int, floor: int) -> None:
        now = self._clock.monotonic()
        since = self._behind_since.setdefault(endpoint, now)
        log.warning("etcd member %s is at revision %d, after %d had been answered", endpoint, revision, floor)
        if now - max(since, self._good_at) >= WENT_BACK_SECONDS:
            self.fail(
                f"the grid went back from revision {floor} to {revision}: etcd was restored from an older state"
            )

    async def close(self) -> None:
        self._trouble = self._trouble or GridUnavailable("the grid is closed")
        await cancel_and_wait(*self._probes.values())
        await asyncio.gather(*(endpoint.close() for endpoint in self._endpoints))


def _summary(missed: dict[Endpoint, Missed]) -> str:
    reasons = "; ".join(f"{endpoint}: {reason}" for endpoint, reason in missed.items())
    return f"no etcd member answers ({reasons or 'in time'})"
