"""What brokers tell each other every two seconds (`POST /inner/v1/peer`, docs/api.md): codec, no I/O.

Fields that a broker does not know are ignored, and every field but the first three may be absent: brokers of different
versions work together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.hosts.loads import HostLoad, Sample
from broker.sessions.figures import MOST_PASSED_ON, FiguresSample
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol.fields import Fields

MAXIMUM_BYTES = 1024 * 1024
MAXIMUM_MACHINES = 4096
MAXIMUM_ORPHANS = 1024
MAXIMUM_REVOCATIONS = 1024


@dataclass(frozen=True, slots=True)
class GatewayLoad:
    """As the gateway said on its channel to the sender."""

    streams: int
    load: float
    draining: bool


@dataclass(frozen=True, slots=True)
class Orphan:
    """A session that runs on a host and has no record."""

    host: str
    session: str
    tenant: str
    state: str


@dataclass(frozen=True, slots=True)
class PeerState:
    """A broker, as it says it is. `revision` is that of its snapshot."""

    broker: str
    name: str
    address: str
    version: str = ""
    started: float = 0.0
    time: float = 0.0
    """By its own clock; 0: it is of a version that does not say."""
    revision: int = 0
    lag: int = 0
    """Revisions that its snapshot has not reached; `lag_seconds`: for how long that is so."""
    lag_seconds: float = 0.0
    degraded: bool = False
    draining: bool = False
    audit: str = ""
    """What is wrong with its audit: a code of `portcullis.reasons`; "": nothing."""
    load: float = 0.0
    hosts: Mapping[str, Sample] = field(default_factory=dict)
    gateways: Mapping[str, GatewayLoad] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()
    revocations: tuple[str, ...] = ()
    sessions: Mapping[str, FiguresSample] = field(default_factory=dict)


def encode(state: PeerState) -> bytes:
    return json.dumps(_to_json(state), separators=(",", ":")).encode()


def parse(body: bytes) -> PeerState:
    """Raises ProtocolError."""
    fields = Fields.parse(body, MAXIMUM_BYTES)
    return PeerState(
        broker=fields.id("broker"),
        name=fields.text("name", 128),
        address=fields.text("address", 300),
        version=fields.optional_text("version", 128) or "",
        started=fields.optional_number("started", 0, 1e11),
        time=fields.optional_number("time", 0, 1e11),
        revision=fields.optional_integer("revision", 0, 2**63 - 1) or 0,
        lag=fields.optional_integer("lag", 0, 2**63 - 1) or 0,
        lag_seconds=fields.optional_number("lag_seconds", 0, 1e9),
        degraded=fields.flag("degraded"),
        draining=fields.flag("draining"),
        audit=fields.optional_text("audit", 64) or "",
        load=fields.optional_number("load", 0, 1e6),
        hosts=dict(fields.optional_items("hosts", MAXIMUM_MACHINES, _host)),
        gateways=dict(fields.optional_items("gateways", MAXIMUM_MACHINES, _gateway)),
        orphans=fields.optional_items("orphans", MAXIMUM_ORPHANS, _orphan),
        revocations=fields.optional_texts("revocations", MAXIMUM_REVOCATIONS, 4096),
        sessions=_figures(fields.optional_items("sessions", MOST_PASSED_ON, _session)),
    )


def _to_json(state: PeerState) -> dict[str, Any]:
    return {
        "broker": state.broker,
        "name": state.name,
        "address": state.address,
        "version": state.version,
        "started": state.started,
        "time": state.time,
        "revision": state.revision,
        "lag": state.lag,
        "lag_seconds": state.lag_seconds,
        "degraded": state.degraded,
        "draining": state.draining,
        "audit": state.audit,
        "load": state.load,
        "hosts": [
            {
                "id": host_id,
                "cpu": sample.load.cpu,
                "memory_available_bytes": sample.load.memory_available_bytes,
                "age": sample.age,
            }
            for host_id, sample in list(state.hosts.items())[:MAXIMUM_MACHINES]
        ],
        "gateways": [
            {"id": gateway_id, "streams": said.streams, "load": said.load, "draining": said.draining}
            for gateway_id, said in list(state.gateways.items())[:MAXIMUM_MACHINES]
        ],
        "orphans": [
            {"host": one.host, "session": one.session, "tenant": one.tenant, "state": one.state}
            for one in state.orphans[:MAXIMUM_ORPHANS]
        ],
        "revocations": list(state.revocations[:MAXIMUM_REVOCATIONS]),
        "sessions": [
            {"id": session_id, "age": round(sample.age, 3), "figures": sample.figures.to_json()}
            for session_id, sample in list(state.sessions.items())[:MOST_PASSED_ON]
        ],
    }


def _host(fields: Fields) -> tuple[str, Sample]:
    load = HostLoad(fields.number("cpu", 0, 1e6), fields.integer("memory_available_bytes", 0, 2**63))
    return fields.id("id"), Sample(load, fields.number("age", 0, 1e6))


def _session(fields: Fields) -> tuple[str, float, StreamFigures | None]:
    figures = StreamFigures.from_json(fields.optional_map("figures", 64))
    return fields.id("id"), fields.number("age", 0, 1e6), figures


def _figures(said: Iterable[tuple[str, float, StreamFigures | None]]) -> dict[str, FiguresSample]:
    return {
        session_id: FiguresSample(figures, age) for session_id, age, figures in said if figures is not None
    }


def _gateway(fields: Fields) -> tuple[str, GatewayLoad]:
    said = GatewayLoad(
        fields.integer("streams", 0, 2**31), fields.number("load", 0, 1e6), fields.flag("draining")
    )
    return fields.id("id"), said


def _orphan(fields: Fields) -> Orphan:
    return Orphan(fields.id("host"), fields.id("session"), fields.id("tenant"), fields.text("state", 32))
