"""Brokers tell each other every two seconds how they are, over the inner listener with their certificates.

Each asks all others that live (by their records, and for a minute those that it heard before: the grid may be away);
question and answer are the same kind of message. A broker that was not heard for six seconds counts as dead here. That
decides nothing: records and leases do. It is what load samples, `portcullis status` and revocations travel by, without
a write to the grid.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from broker.hosts.loads import HostLoads
from broker.live_brokers import LiveBroker, LiveBrokers
from broker.peers.clock_guard import ClockGuard
from broker.peers.message import MAXIMUM_BYTES, Orphan, PeerState, encode, parse
from broker.sessions.figures import SessionFigures
from portcullis.bodies import read_bounded
from portcullis.errors import ProtocolError, Refused
from portcullis.logs import ids
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

PATH = "/inner/v1/peer"
PERIOD_SECONDS = 2.0
ANSWER_SECONDS = 2.0
DEAD_SECONDS = 6.0
REMEMBERED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Heard:
    state: PeerState
    at: float


class PeerExchange:
    def __init__(
        self,
        me: Callable[[], PeerState],
        brokers: LiveBrokers,
        loads: HostLoads,
        figures: SessionFigures,
        context: ssl.SSLContext,
        clock: ClockGuard,
        on_revocations: Callable[[tuple[str, ...]], None] = lambda _: None,
    ) -> None:
        self.me = me
        self._brokers = brokers
        self._loads = loads
        self._figures = figures
        self._context = context
        self._clock = clock
        self._on_revocations = on_revocations
        self._heard: dict[str, _Heard] = {}
        self._silent: set[str] = set()
        self._http: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._context, limit=0), timeout=timeout
        )
        self._task = spawn(self._run(), name="peers")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)
        if self._http is not None:
            await self._http.close()

    async def post(
        self, broker_id: str, path: str, body: bytes, seconds: float | None = ANSWER_SECONDS
    ) -> bytes | None:
        """Ask one of the others something else; None when it does not answer with 200: it may be of a version that does
        not know the path. Within `seconds`; None: the caller ends it."""
        address = self._others().get(broker_id)
        if self._http is None or address is None:
            return None
        headers, url = {"Content-Type": "application/json"}, f"https://{address}{path}"
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._http.post(url, data=body, headers=headers, timeout=timeout) as response:
                said = await read_bounded(response.content, MAXIMUM_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            log.info("a broker did not answer: %r", exc, extra=ids(broker=address, path=path))
            return None
        return said if response.status == 200 and len(said) <= MAXIMUM_BYTES else None

    def state(self, broker_id: str) -> PeerState | None:
        """What the broker said last; None when it counts as dead."""
        heard = self._heard.get(broker_id)
        return heard.state if heard is not None and self._age(heard) < DEAD_SECONDS else None

    def states(self) -> list[PeerState]:
        """Of all others that are heard."""
        return [heard.state for heard in self._heard.values() if self._age(heard) < DEAD_SECONDS]

    def newest_revision(self) -> int:
        """That any other broker has reached."""
        return max((state.revision for state in self.states()), default=0)

    def orphans(self) -> tuple[Orphan, ...]:
        """Of the whole site: sessions that run and have no record."""
        return tuple(orphan for state in (self.me(), *self.states()) for orphan in state.orphans)

    def answer(self, broker_id: str, body: bytes) -> bytes:
        """To a broker whose certificate says that it is `broker_id`. Raises ProtocolError, Refused."""
        state = parse(body)
        if state.broker != broker_id:
            raise Refused("certificate_refused")
        self._take(state)
        return encode(self.me())

    async def exchange(self) -> None:
        """Once with each of the others."""
        body = encode(self.me())
        asked = [self._ask(broker_id, address, body) for broker_id, address in self._others().items()]
        await asyncio.gather(*asked)
        self._forget()
        self._clock.looked()

    async def _run(self) -> None:
        while True:
            await self.exchange()
            await asyncio.sleep(PERIOD_SECONDS)

    def _others(self) -> dict[str, str]:
        known = {broker_id: heard.state.address for broker_id, heard in self._heard.items()}
        known |= {broker.id: broker.address for broker in self._brokers.live()}
        known.pop(self.me().broker, None)
        return known

    async def _ask(self, broker_id: str, address: str, body: bytes) -> None:
        assert self._http is not None
        headers, asked_at = {"Content-Type": "application/json"}, self._clock.monotonic()
        try:
            async with self._http.post(f"https://{address}{PATH}", data=body, headers=headers) as response:
                if response.status == 404:  # of a version that does not know this: it lives
                    self._take(self._as_recorded(broker_id, address))
                    return
                raw = await read_bounded(response.content, MAXIMUM_BYTES)
                if response.status != 200:
                    raise ProtocolError(f"it answered {response.status}")
            state = parse(raw)
            if state.time:
                self._clock.heard(address, state.time, asked_at)
            self._take(state)
        except (aiohttp.ClientError, TimeoutError, OSError, ProtocolError) as exc:
            if broker_id not in self._silent:
                self._silent.add(broker_id)
                log.warning(
                    "a broker does not answer: %s", exc or type(exc).__name__, extra=ids(broker=address)
                )

    def _as_recorded(self, broker_id: str, address: str) -> PeerState:
        broker = self._brokers.get(broker_id) or LiveBroker(broker_id, address, address)
        return PeerState(broker_id, broker.name, address, broker.version, broker.started)

    def _take(self, state: PeerState) -> None:
        self._heard[state.broker] = _Heard(state, self._clock.monotonic())
        self._loads.take(state.hosts)
        self._figures.take(state.sessions)
        if state.broker in self._silent:
            self._silent.remove(state.broker)
            log.info("a broker answers again", extra=ids(broker=state.address))
        if state.revocations:
            self._on_revocations(state.revocations)

    def _forget(self) -> None:
        """A broker that is gone for good; its record went before."""
        live = {broker.id for broker in self._brokers.live()}
        for broker_id, heard in list(self._heard.items()):
            if broker_id not in live and self._age(heard) >= REMEMBERED_SECONDS:
                del self._heard[broker_id]
        self._silent &= live | self._heard.keys()

    def _age(self, heard: _Heard) -> float:
        return self._clock.monotonic() - heard.at
