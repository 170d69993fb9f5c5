"""How long nobody has used a session: a real worker says it, and a broker's policy ends the session by it.

Worker and broker have clocks that the test moves on; nobody waits for minutes.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from broker.sessions.limits import SessionLimits
from portcullis.model.session import Session
from portcullis.protocol import messages as m
from portcullis.protocol.reports import Report
from tests.support.broker_grid import HOST, TENANT, SmallSite, small_site
from tests.support.clocked_worker import FORM
from tests.support.stream_client import StreamClient
from tests.support.worker_session import WorkerSession
from tests.support.xserver import x_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE = 60.0
MARGIN_SECONDS = 30.0
"""So much of the real time may pass in between without a test noticing."""


@dataclass
class Policed:
    """A worker's session at a broker with limits: idle 10 minutes, disconnected 20."""

    worker: WorkerSession
    moved: Path
    site: SmallSite
    session: Session
    limits: SessionLimits
    warned: list[str] = field(default_factory=list)
    state: str = "ready"

    async def pass_(self, seconds: float) -> None:
        """On all clocks."""
        before = FORM.unpack(self.moved.read_bytes())[0]
        with self.moved.open("r+b") as file:
            file.write(FORM.pack(before + seconds))
        self.site.clock.passed += seconds

    async def unused(self) -> int:
        """As the worker says from now on: the word after the next was certainly said later."""
        known = len(self.worker.unused)
        await self.worker.until(lambda: len(self.worker.unused) >= known + 2)
        return self.worker.unused[-1].seconds

    async def look(self) -> str | None:
        """What an agent does with the worker's words, then the broker: the code with which the session ends."""
        self.limits.hear({self.session.id: await self.unused()})
        told = self.worker.state
        state = "active" if told is not None and told.connections else "disconnected"
        if state != self.state and (state, self.state) != ("disconnected", "ready"):
            self.state = state
            report = Report(self.session.id, TENANT, state, "ready")  # type: ignore[arg-type]
            assert await self.site.lifecycle.reported(HOST.id, report)
        await self.limits.look()
        found = self.site.sessions.get(TENANT, self.session.id)
        assert found is not None
        return found.end_code

    async def until_used(self) -> None:
        await self.worker.until(lambda: self.worker.unused[-1].seconds < MARGIN_SECONDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[WorkerSession, Path]]:
    moved = tmp_path_factory.mktemp("clock") / "moved"
    moved.write_bytes(FORM.pack(0.0))
    with x_server() as x:
        session = WorkerSession(x)
        session.command = [sys.executable, "-m", "tests.support.clocked_worker", str(moved)]
        await session.start()
        yield session, moved
        await session.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def policed(worker: tuple[WorkerSession, Path], tmp_path: Path) -> AsyncIterator[Policed]:
    async with small_site(tmp_path) as site:
        session, _ = await site.launch()
        warned: list[str] = []

        async def tell(session: Session, text: str) -> None:
            warned.append(text)

        limits = SessionLimits(
            site.snapshot, site.sessions, site.lifecycle, site.clock, lambda: [HOST.id], tell
        )
        assert await site.lifecycle.reported(HOST.id, Report(session.id, TENANT, "ready", "ready"))
        values = {"idle_minutes": 10, "disconnected_minutes": 20}
        await site.put(TENANT, ("policy", "tenant", "-"), {"values": values, "locked": []})
        yield Policed(*worker, site, session, limits, warned)
        await limits.stop()


async def in_use(policed: Policed) -> StreamClient:
    """Somebody came just now."""
    client = await policed.worker.attach()
    await policed.until_used()
    assert await policed.look() is None
    return client


async def test_ten_minutes_without_input_end_a_session_and_a_key_begins_them_anew(policed: Policed) -> None:
    client = await in_use(policed)
    await policed.pass_(10 * MINUTE - 2 * MARGIN_SECONDS - MARGIN_SECONDS)
    assert await policed.look() is None
    client.key("KeyA", "a")
    await policed.until_used()
    await policed.pass_(10 * MINUTE - MARGIN_SECONDS)
    assert await policed.look() is None
    await policed.worker.until(lambda: policed.warned)
    assert len(policed.warned) == 1, "a minute before, and not before the key"
    await policed.pass_(MARGIN_SECONDS)
    assert await policed.look() == "idle_limit"


async def test_looking_on_and_coming_back_by_a_resume_are_no_use_of_a_session(policed: Policed) -> None:
    client = await in_use(policed)
    await policed.pass_(5 * MINUTE)
    client.send(m.Ping(1))
    await client.drop()
    await policed.worker.until(lambda: policed.worker.state.connections == 0)  # type: ignore[union-attr]
    client = await policed.worker.attach(new_ticket=False)
    client.send(m.Ping(2))
    assert await policed.unused() >= 5 * MINUTE
    await policed.pass_(5 * MINUTE)
    assert await policed.look() == "idle_limit"


async def test_a_pointer_that_moves_uses_a_session(policed: Policed) -> None:
    client = await in_use(policed)
    await policed.pass_(9 * MINUTE)
    assert await policed.unused() >= 9 * MINUTE
    client.send(m.Pointer(client.next_input(), 20, 20, 0, 0))
    await policed.until_used()
    await policed.pass_(9 * MINUTE)
    assert await policed.look() is None


async def test_a_session_that_was_left_ends_by_the_limit_that_comes_first(policed: Policed) -> None:
    client = await in_use(policed)
    await policed.site.put(
        TENANT, ("policy", "tenant", "-"), {"values": {"disconnected_minutes": 20}, "locked": []}
    )
    await policed.pass_(60 * MINUTE)
    assert await policed.look() is None, "somebody looks at it"
    await client.drop()
    await policed.worker.until(lambda: policed.worker.state.connections == 0)  # type: ignore[union-attr]
    assert await policed.look() is None
    await policed.pass_(20 * MINUTE - 1)
    assert await policed.look() is None
    await policed.pass_(1)
    assert await policed.look() == "disconnected_limit"
