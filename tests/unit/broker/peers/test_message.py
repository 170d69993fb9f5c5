"""What brokers tell each other survives the way, whatever they do not know of it."""

from __future__ import annotations

import json

import pytest

from broker.hosts.loads import HostLoad, Sample
from broker.peers.lag import Lag
from broker.peers.message import GatewayLoad, Orphan, PeerState, encode, parse
from broker.sessions.figures import FiguresSample
from portcullis.errors import ProtocolError
from portcullis.model.stream_figures import StreamFigures
from tests.support.clock import ManualClock

HOST, GATEWAY, SESSION, TENANT = ("d" * 16, "e" * 16, "5" * 16, "a" * 16)
STATE = PeerState(
    broker="b" * 16,
    name="b1",
    address="10.0.0.1:8444",
    version="1.0",
    started=1_763_676_000.0,
    time=1_763_676_001.5,
    revision=100,
    lag=2,
    lag_seconds=0.5,
    degraded=True,
    draining=True,
    load=0.25,
    hosts={HOST: Sample(HostLoad(0.5, 1 << 30), 1.5)},
    gateways={GATEWAY: GatewayLoad(7, 0.1, False)},
    orphans=(Orphan(HOST, SESSION, TENANT, "active"),),
    revocations=("revocation.v1.x.y.z",),
    sessions={SESSION: FiguresSample(StreamFigures(echo_p95_ms=30.0, limit="host"), 1.5)},
)


def test_a_message_reads_as_it_was_written() -> None:
    assert parse(encode(STATE)) == STATE


def test_what_is_not_known_is_passed_over_and_what_is_absent_is_nothing() -> None:
    later = {**json.loads(encode(STATE)), "weather": "fine"}
    assert parse(json.dumps(later).encode()) == STATE
    short = {"broker": "b" * 16, "name": "b1", "address": "10.0.0.1:8444"}
    assert parse(json.dumps(short).encode()) == PeerState("b" * 16, "b1", "10.0.0.1:8444")


@pytest.mark.parametrize(
    "wrong",
    [{"broker": "x"}, {"hosts": [{"id": HOST}]}, {"revision": -1}, {"revocations": "x"}, {"hosts": {}}],
)
def test_what_is_malformed_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        parse(json.dumps({**json.loads(encode(STATE)), **wrong}).encode())


def test_lag_counts_from_when_the_oldest_unreached_revision_was_heard_of() -> None:
    clock = ManualClock()
    lag = Lag(clock)
    lag.look(10, 10)
    assert lag.seconds == 0
    lag.look(10, 12)
    clock.advance(1)
    lag.look(10, 15)
    clock.advance(1)
    assert lag.seconds == 2
    lag.look(13, 15)  # 12 is reached; 15 was heard of a second ago
    assert lag.seconds == 1
    lag.look(15, 15)
    assert lag.seconds == 0
