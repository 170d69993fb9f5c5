"""`/stream`: a browser's WebSocket from the request to the splice (docs/protocol.md 2).

The request is refused by HTTP status only where no browser of ours could have sent it (origin, handshake); every
other refusal is a WebSocket Close frame, because a page sees nothing of a failed handshake. Each stream is one
handler task: whatever fails in it, its `finally` closes both ends.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.admission import Visitor
from gateway.brokers import Brokers, Right
from gateway.links import Links
from gateway.rendezvous import Rendezvous
from gateway.splice import End, join
from gateway.stream_counts import StreamCounts
from gateway.takeover import take_over, websocket_headers
from portcullis.clock import Clock
from portcullis.errors import PortcullisError, Refused
from portcullis.ids import new_id
from portcullis.logs import bound, ids
from portcullis.protocol import admission
from portcullis.protocol.link import RENDEZVOUS_SECONDS
from portcullis.protocol.messages import AdmitTicket
from portcullis.serving.gate import Gate, client_of
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import Grant, read_grant

log = logging.getLogger(__name__)

STREAMS = 2048
STREAMS_PER_CLIENT = 512  # a whole office may come from one address
ATTACHES_AT_ONCE = 32
"""More wait for their turn: when a whole office comes back, each worker's dial and handshake must fit into its time."""
CLOSE_SECONDS = 1.0
"""What open streams get to flush when the gateway stops."""
CUT_SECONDS = 0.5
"""After a revocation the worker closes with a reason; what it has not closed by then is cut."""
LEAVE_SECONDS = 2.0
"""The same of a stream that is given away: what waits for a slow browser is sent before."""
DRAIN_SECONDS = 20.0
DRAIN_STEP_SECONDS = 0.25
"""A gateway that drains gives its streams away bit by bit, so that the others meet no stampede."""


@dataclass(frozen=True, slots=True)
class _Running:
    connection: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class Patience:
    admission_seconds: float = admission.TIMEOUT_SECONDS
    rendezvous_seconds: float = RENDEZVOUS_SECONDS


class Streams:
    def __init__(
        self,
        brokers: Brokers,
        links: Links,
        rendezvous: Rendezvous,
        clock: Clock,
        gate: Gate,
        patience: Patience,
        counts: StreamCounts | None = None,
        check: Callable[[Grant], None] = lambda _: None,
    ) -> None:
        """`check` raises Refused for a grant that was revoked."""
        self._check_revoked = check
        self._running: dict[End, _Running] = {}
        """By the browser's end."""
        self._brokers = brokers
        self._links = links
        self._rendezvous = rendezvous
        self._clock = clock
        self._gate = gate
        self._patience = patience
        self._live: set[End] = set()
        self._counts = counts or StreamCounts()
        self._turns = asyncio.Semaphore(ATTACHES_AT_ONCE)
        self._drainage: asyncio.Task[None] | None = None

    @property
    def live(self) -> int:
        return len(self._live)

    @property
    def places(self) -> int:
        """How many are counted against the caps: those that wait for admission, too."""
        return self._gate.total

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self._check_origin(request)
        headers = websocket_headers(request, admission.SUBPROTOCOL)
        response, visitor = await take_over(request, headers, Visitor)
        client = client_of(request.transport) if request.transport is not None else None
        connection = new_id()
        try:
            with bound(connection=connection):
                await self._pass_through(visitor, client or "", connection)
        finally:
            visitor.close()
        return response

    @property
    def waiting_bytes(self) -> int:
        """Received, and not taken by the other side yet."""
        return sum(end.waiting_bytes for end in self._live)

    @property
    def draining(self) -> bool:
        return self._drainage is not None

    def drain(self, wanted: bool) -> bool:
        """Take no new stream and give those that run away, or serve again; whether that is news."""
        if wanted == self.draining:
            return False
        if self._drainage is None:
            self._drainage = spawn(self._give_away(), name="drain")
        else:
            self._drainage.cancel()
            self._drainage = None
        log.info("draining begins" if wanted else "draining is undone")
        return True

    def cut(self, is_meant: Callable[[Grant], bool]) -> None:
        """End the streams that run under such a grant."""
        for browser, running in self._running.items():
            if is_meant(running.grant):
                asyncio.get_running_loop().call_later(CUT_SECONDS, browser.close, CLOSE_SECONDS)

    async def close(self) -> None:
        """Close every open stream; their clients resume at another gateway."""
        await cancel_and_wait(self._drainage)
        for end in list(self._live):
            end.close(CLOSE_SECONDS)

    async def _give_away(self) -> None:
        """At a rate by which all are gone after DRAIN_SECONDS. Their clients resume elsewhere."""
        left = list(self._running)
        portion = math.ceil(len(left) * DRAIN_STEP_SECONDS / DRAIN_SECONDS)
        while left:
            await self._ask_to_leave(left[:portion])
            del left[:portion]
            await asyncio.sleep(DRAIN_STEP_SECONDS)
        await self._ask_to_leave(list(self._running))  # also those admitted at the moment when it began

    async def _ask_to_leave(self, browsers: Sequence[End]) -> None:
        """No Close frame can be put into what passes here unread: the worker sends it. What it has not closed in time
        is cut: an agent or worker of before does not know the word.
        """
        for browser in browsers:
            running = self._running.get(browser)
            if running is not None:
                asyncio.get_running_loop().call_later(LEAVE_SECONDS, browser.close, CLOSE_SECONDS)
                grant = running.grant
                await self._links.leave(running.connection, grant.host, grant.session, grant.tenant)

    def _check_origin(self, request: web.Request) -> None:
        origins = request.headers.getall("Origin", [])
        if len(origins) != 1 or not self._brokers.origins.allow(origins[0], request.headers.get("Host", "")):
            raise Refused("origin_refused")

    async def _pass_through(self, visitor: Visitor, client: str, connection: str) -> None:
        place = self._gate.enter(client)
        if place is None:
            return await self._refuse(visitor, Refused("too_many_connections"), client)
        right: Right | None = None
        try:
            place.waits(visitor.give_way)
            presented = await visitor.admission(self._patience.admission_seconds)
            place.keeps()
            if self.draining:
                raise Refused("gateway_draining")
            right = await self._right(presented)
            with bound(session=right.session, host=right.host):
                await self._attach(visitor, right, connection)
        except PortcullisError as refusal:
            await self._refuse(visitor, refusal, client, right)
        finally:
            place.leave()

    async def _right(self, presented: admission.Admission) -> Right:
        if isinstance(presented, AdmitTicket):
            return await self._brokers.redeem(presented.ticket)
        grant = self._brokers.verify_grant(presented.grant, self._clock.now())
        self._check_revoked(grant)
        return Right(grant.session, grant.tenant, grant.host, presented.grant)

    async def _attach(self, visitor: Visitor, right: Right, connection: str) -> None:
        with self._rendezvous.expect(right.session) as expected:
            async with self._turns:
                begun = self._clock.monotonic()
                reference = await self._links.attach(
                    connection, right.host, right.session, right.tenant, expected.secret, right.grant
                )
                worker = await expected.arrival(self._patience.rendezvous_seconds)
                self._counts.dialled(self._clock.monotonic() - begun)
            grant = read_grant(right.grant)
            self._check_revoked(grant)  # also: since it was admitted
            browser = visitor.become_end()
            browser.write(admission.admitted_frame(right.grant))
            join(browser, worker)
            with bound(reference=reference):
                await self._carry(browser, worker, _Running(connection, grant))

    async def _carry(self, browser: End, worker: End, running: _Running) -> None:
        self._live |= {browser, worker}
        self._running[browser] = running
        self._counts.begun(browser, worker)
        log.info("stream runs")
        try:
            await browser.closed
        finally:
            self._live -= {browser, worker}
            del self._running[browser]
            browser.close()
            self._counts.ended(browser, worker)
            log.info(
                "stream ended",
                extra=ids(to_worker_bytes=browser.received_bytes, to_browser_bytes=worker.received_bytes),
            )

    async def _refuse(
        self, visitor: Visitor, refusal: PortcullisError, client: str, right: Right | None = None
    ) -> None:
        code = "session_ended" if refusal.code == "session_unknown" else refusal.code
        self._counts.refused[code] += 1
        log.info(
            "stream refused: %s",
            refusal.code,
            extra=ids(client=client, session=right and right.session, host=right and right.host),
        )
        await visitor.refuse(code)
