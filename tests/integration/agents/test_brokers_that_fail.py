"""An agent leaves a broker that is frozen, cut off or gone within its pings, and is announced by another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents import control
from agents.control import ControlClient, ControlHandlers
from portcullis.enrolment.credentials import client_context
from portcullis.protocol.directory import Directory
from portcullis.protocol.reports import Hello
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn
from tests.support.patience import until
from tests.support.running_broker import RunningBroker
from tests.support.several_brokers import several_brokers

SECONDS = 20.0


class Wire:
    """Passes bytes on to a broker until it is stalled: then connections stay, and nothing arrives any more."""

    def __init__(self, behind: Address) -> None:
        self._behind = behind
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stall(self) -> None:
        self._flows.clear()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._flows.set()
        self._server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        back, forth = await asyncio.open_connection(self._behind.host, self._behind.port)
        tasks = [spawn(self._copy(reader, forth), name="wire"), spawn(self._copy(back, writer), name="wire")]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await cancel_and_wait(*tasks)
        for each in (writer, forth):
            each.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Sequence[RunningBroker]]:
    async with several_brokers(tmp_path, 2) as brokers:
        yield brokers


@asynccontextmanager
async def agent(site: RunningBroker, known: list[str]) -> AsyncIterator[asyncio.Queue[Directory]]:
    """What its brokers tell it. As the real one it goes on with what it was told."""
    told: asyncio.Queue[Directory] = asyncio.Queue()

    async def directory(message: Directory) -> None:
        told.put_nowait(message)
        known[:] = [*dict.fromkeys((*message.brokers, *known))]

    async def ignore(_: object) -> None: ...

    handlers = ControlHandlers(
        hello=lambda: Hello("test", 10, "6" * 16, ()),
        reports=tuple,
        directory=directory,
        desired=ignore,
        cut=lambda _: None,
    )
    client = ControlClient(lambda: tuple(known), lambda: client_context(site.host), handlers)
    task = spawn(client.run(), name="control")
    try:
        yield told
    finally:
        await cancel_and_wait(task)


def holder(site: Sequence[RunningBroker]) -> str | None:
    live = site[1].parts.hosts.live(site[1].host.id)
    return live.broker_id if live else None


async def until_held_by(site: Sequence[RunningBroker], broker: RunningBroker) -> None:
    await until(lambda: holder(site) == broker.parts.presence.me.id)


async def test_a_frozen_broker_is_left_for_one_that_answers(
    site: Sequence[RunningBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PING_SECONDS", 0.2)
    monkeypatch.setattr(control, "PONG_SECONDS", 0.4)
    wire = Wire(site[0].broker.address)
    await wire.start()
    gone: list[object] = []
    site[1].parts.snapshot.subscribe(
        lambda change: (
            gone.append(change) if change.path[:2] == ("live", "host") and not change.record else None
        )
    )
    known = [wire.address]
    async with agent(site[0], known) as told:
        await until_held_by(site, site[0])
        assert set((await told.get()).brokers) == {str(each.broker.address) for each in site}
        known[:] = [wire.address, str(site[1].broker.address)]
        wire.stall()
        await until_held_by(site, site[1])
    assert gone == []  # the next broker carried the lease on
    await wire.stop()


async def test_a_broker_that_stops_is_left_for_one_it_named_before(site: Sequence[RunningBroker]) -> None:
    known = [str(site[0].broker.address)]
    async with agent(site[0], known) as told:
        await told.get()
        await until_held_by(site, site[0])
        await site[0].broker.stop()
        await until_held_by(site, site[1])


async def test_a_broker_that_drains_is_left_and_found_again_when_it_serves_alone(
    site: Sequence[RunningBroker],
) -> None:
    first, second = site
    known = [str(first.broker.address)]
    async with agent(first, known) as told:
        await told.get()
        await until_held_by(site, first)
        await second.parts.drains.broker(first.parts.presence.me.id, True, "test")
        await until_held_by(site, second)
        await second.parts.drains.broker(first.parts.presence.me.id, False, "test")
        await second.parts.drains.broker(second.parts.presence.me.id, True, "test")
        await until_held_by(site, first)
