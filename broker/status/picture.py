"""The state of the site at one moment: frozen values, and how they read in JSON (docs/api.md, status)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from broker.grid.grid import Member
from broker.peers.clocks import Verdict
from broker.pki.change import KeyChange, Progress
from broker.probes.result import ProbesOfTenant

Severity = Literal["error", "warning", "notice"]
"""`error`: something is lost or will not work, or one more failure loses it. `warning`: weaker than it should be.
`notice`: somebody should know."""
BrokerState = Literal["serving", "draining", "silent", "gone"]
"""`silent`: it counts as live and does not answer; frozen, or cut off. `gone`: it died and did not come back."""
MachineState = Literal["online", "draining", "gone"]


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    name: str
    address: str
    version: str
    state: BrokerState
    started: float = 0.0
    revision: int = 0
    lag_revisions: int = 0
    """How far its snapshot is behind the newest revision that any broker knows."""
    lag_seconds: float = 0.0
    degraded: bool = False
    load: float | None = None
    hosts: int = 0
    """Control channels that it holds."""
    gateways: int = 0
    here: bool = False
    """It is the one that answers."""
    clock: Verdict = ""
    clock_ahead_seconds: float = 0.0
    audit: str = ""
    """What is wrong with its audit: a code; "": nothing."""


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    name: str
    public_origin: str
    state: MachineState
    streams: int | None = None
    load: float | None = None


@dataclass(frozen=True, slots=True)
class HostStatus:
    name: str
    state: MachineState
    broker: str
    version: str
    slots: int
    sessions: int
    load: float | None = None
    memory_available_bytes: int | None = None
    orphans: int = 0
    streams: int = 0
    """Sessions that somebody looks at, as far as they tell."""
    bad_streams: int = 0
    """Of them, where a user would complain."""
    bad_limit: str = ""
    """What holds most of those up: `network`, `host` or `client`."""


@dataclass(frozen=True, slots=True)
class Picture:
    site: str
    version: str
    time: float
    revision: int
    degraded: bool
    store: Literal["embedded", "etcd"]
    members: tuple[Member, ...]
    brokers: tuple[BrokerStatus, ...]
    gateways: tuple[GatewayStatus, ...]
    hosts: tuple[HostStatus, ...]
    probes: tuple[ProbesOfTenant, ...] = ()
    ca: Progress | None = None
    """How far a change of the site's CA is."""
    data_keys: KeyChange | None = None
    """And of the tenants' data keys."""


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    code: str
    what: str
    remedy: str


def to_json(picture: Picture, findings: list[Finding]) -> dict[str, Any]:
    newest = max((member.raft_index for member in picture.members), default=0)
    members = [
        {**asdict(member), "lag": newest - member.raft_index if member.healthy else None}
        for member in picture.members
    ]
    return {
        "site": picture.site,
        "version": picture.version,
        "time": picture.time,
        "revision": picture.revision,
        "degraded": picture.degraded,
        "grid": {"store": picture.store, "members": members},
        "brokers": [asdict(broker) for broker in picture.brokers],
        "gateways": [asdict(gateway) for gateway in picture.gateways],
        "hosts": [asdict(host) for host in picture.hosts],
        "probes": [asdict(probes) for probes in picture.probes],
        "ca": asdict(picture.ca) if picture.ca else None,
        "data_keys": asdict(picture.data_keys) if picture.data_keys else None,
        "findings": [asdict(finding) for finding in findings],
    }
