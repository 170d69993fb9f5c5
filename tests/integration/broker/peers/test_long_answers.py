"""What one broker answers to another, as long as it may be: it arrives in many pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.peers.message import MAXIMUM_BYTES
from tests.support.etcd import EtcdCluster
from tests.support.patience import until
from tests.support.several_brokers import several_brokers

ANSWER = b"x" * MAXIMUM_BYTES


async def test_an_answer_is_taken_whole_and_one_beyond_the_bound_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ANSWER

    async def answer(body: bytes) -> bytes:
        return said

    async with (
        EtcdCluster(tmp_path / "etcd", size=1) as etcd,
        several_brokers(tmp_path, 2, etcd.choice(tmp_path / "broker")) as (first, second),
    ):
        monkeypatch.setattr(second.parts.discovery, "answer", answer)
        await until(lambda: len(first.parts.exchange.states()) == 1)
        (other,) = first.parts.exchange.states()
        path = second.parts.discovery.PATH
        assert await first.parts.exchange.post(other.broker, path, b"{}", 60) == ANSWER
        said = ANSWER + b"x"
        assert await first.parts.exchange.post(other.broker, path, b"{}", 60) is None
