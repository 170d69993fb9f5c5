"""A host without applications: it keeps a control channel to whichever broker answers, and does what it is ordered.

Its sessions are names that live in memory. They outlive every channel, as those of a real host outlive its agent.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from portcullis.enrolment.credentials import Credentials
from portcullis.errors import ProtocolError
from portcullis.protocol.orders import Desired, Order
from portcullis.protocol.reports import Report
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn
from tests.support.agent_channel import TestAgent

DIAL_SECONDS = 3.0
PING_SECONDS = 2.0
PAUSE_SECONDS = 0.2


@dataclass
class Held:
    order: Order
    ended: bool = False


class ObedientHost:
    def __init__(
        self, credentials: Credentials, brokers: Callable[[], Sequence[Address]], slots: int
    ) -> None:
        self.credentials = credentials
        self._brokers = brokers
        self._slots = slots
        self.sessions: dict[str, Held] = {}
        self.started: list[str] = []
        """Every session that was started, as often as it was."""
        self.connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._run(), name=f"host {self.credentials.name}")

    async def stop(self) -> None:
        """Power is lost: the broker hears nothing any more, the sessions are gone."""
        await cancel_and_wait(self._task)
        self.connected.clear()
        self.sessions.clear()

    async def _run(self) -> None:
        for turn in itertools.count():
            brokers = self._brokers()
            try:
                await self._serve(brokers[turn % len(brokers)])
            except (OSError, TimeoutError, aiohttp.ClientError, ProtocolError):
                pass
            finally:
                self.connected.clear()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _serve(self, broker: Address) -> None:
        agent = TestAgent(self.credentials, broker, self._slots)
        agent.ping_seconds = PING_SECONDS
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                await agent.connect(*(self._report(held) for held in self.sessions.values()))
            self.connected.set()
            beat = spawn(self._beat(agent), name="heartbeats")
            try:
                await self._obey(agent)
            finally:
                await cancel_and_wait(beat)
        finally:
            await agent.close()

    @staticmethod
    async def _beat(agent: TestAgent) -> None:
        while agent.socket is not None and not agent.socket.closed:
            await agent.heartbeat()
            await asyncio.sleep(1)

    async def _obey(self, agent: TestAgent) -> None:
        assert agent.socket is not None
        while True:
            desired = await agent.next_message()
            if isinstance(desired, Desired):
                for report in self._take(desired):
                    await agent.send(report)

    def _take(self, desired: Desired) -> list[Report]:
        reports = []
        orders = {order.session: order for order in desired.sessions}
        for session in [s for s, held in self.sessions.items() if held.ended and s not in orders]:
            del self.sessions[session]
        for order in orders.values():
            held = self.sessions.get(order.session)
            if held is None and order.state == "pending":
                self.started.append(order.session)
                held = self.sessions[order.session] = Held(order)
                reports += [self._said(order, "starting", "accepted"), self._said(order, "ready", "ready")]
            elif held is None or (order.state == "ending" and not held.ended):
                self.sessions[order.session] = Held(order, ended=True)
                reports.append(self._report(self.sessions[order.session]))
        return reports

    @staticmethod
    def _report(held: Held) -> Report:
        if held.ended:
            return ObedientHost._said(held.order, "ended", "ready", "logged_off")
        return ObedientHost._said(held.order, "ready", "ready")

    @staticmethod
    def _said(order: Order, state: str, stage: str, code: str | None = None) -> Report:
        return Report(order.session, order.tenant, state, stage, code)  # type: ignore[arg-type]
