"""A stream to a member that dies at the wrong moment is an attempt without an answer, whatever gRPC calls it.

`grpc.aio.InternalError` is no `RpcError`: no call of a real member raises it at will, so the streams here are stubs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from broker import presence as presence_module
from broker.grid.etcd import members as members_module
from broker.grid.etcd.endpoint import Endpoint
from broker.grid.etcd.members import Members
from broker.grid.etcd.troubles import Missed
from broker.grid.grid import GridUnavailable
from broker.presence import Presence
from portcullis.settings import Address
from tests.support.broker_grid import SmallSite, small_site
from tests.support.clock import ManualClock
from tests.support.patience import patient

STEPS = ("write", "read", "done_writing")


class Stream:
    """A keep-alive stream that answers, but for the steps that die with it."""

    def __init__(self, dying: Sequence[str]) -> None:
        self._dying = dying
        self.is_cancelled = False

    async def write(self, request: Any) -> None:
        self._step("write")

    async def read(self) -> Any:
        self._step("read")
        header = SimpleNamespace(cluster_id=7, revision=1, raft_term=1)
        return SimpleNamespace(header=header, ttl=15)

    async def done_writing(self) -> None:
        self._step("done_writing")

    def cancel(self) -> None:
        self.is_cancelled = True

    def _step(self, name: str) -> None:
        if name in self._dying:
            raise grpc.aio.InternalError("the core's call is over")


class Streams:
    """What the endpoint asks for streams: the first `deaths` die, each after a second."""

    def __init__(self, dying: Sequence[str], deaths: int) -> None:
        self._dying, self._deaths = dying, deaths
        self.clock = ManualClock()
        self.made: list[Stream] = []
        self.answering = asyncio.Event()

    def __call__(self, **_: Any) -> Stream:
        dies = len(self.made) < self._deaths
        self.made.append(Stream(self._dying if dies else ()))
        if dies:
            self.clock.advance(1.0)
        else:
            self.answering.set()
        return self.made[-1]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint(Address("127.0.0.1", 1), None)
    yield made
    await made.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


@pytest.mark.parametrize("step", STEPS)
async def test_a_keep_alive_whose_stream_dies_has_missed(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    streams = Streams([step], deaths=1)
    monkeypatch.setattr(endpoint, "_keep_alive", streams)
    with pytest.raises(Missed, match="call is over"):
        await endpoint.keep_alive(1, 1.0)
    assert [stream.is_cancelled for stream in streams.made] == [True]
    assert (await endpoint.keep_alive(1, 1.0)).ttl == 15


@pytest.mark.parametrize("step", STEPS)
async def test_a_broker_goes_on_renewing_its_liveness_after_streams_that_died(
    endpoint: Endpoint, site: SmallSite, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The first two renewals fail at each of their attempts, of about a second each."""
    monkeypatch.setattr(presence_module, "KEEP_ALIVE_SECONDS", 0.01)
    monkeypatch.setattr(members_module, "PAUSE_SECONDS", 0.0)
    streams = Streams([step], deaths=10)
    monkeypatch.setattr(endpoint, "_keep_alive", streams)
    members = Members([endpoint], streams.clock)
    failed: list[str] = []

    async def keep_alive(lease: int) -> None:
        try:
            await members.call(lambda each, left: each.keep_alive(lease, left))
        except GridUnavailable as exc:
            failed.append(str(exc))
            raise

    monkeypatch.setattr(site.grid, "keep_alive", keep_alive)
    ours = Presence(site.stores, site.snapshot, site.clock, "1" * 16, "1")
    await ours.start(Address("127.0.0.1", 8444))
    async with asyncio.timeout(patient(10)):
        await streams.answering.wait()
    assert len(failed) == 2 and "call is over" in failed[0]
    task = ours._task
    assert task is not None and not task.done()
    await ours.stop()
    await members.close()
