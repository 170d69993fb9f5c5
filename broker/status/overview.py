"""The first screen of the console: one small answer out of what is counted anyway, so that it costs the same however
many sessions there are.

It is put together at most once a second for a tenant, however many look. What is wrong with the site takes asking the
members of the grid: it is looked at in the background, while somebody looks, and is some seconds old.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from broker.audit import tally
from broker.audit.everywhere import AuditEverywhere
from broker.hosts.loads import HostLoads
from broker.repositories.hosts import Hosts
from broker.repositories.session_index import SessionIndex
from broker.snapshot import Snapshot
from broker.status.picture import Finding
from portcullis.clock import Clock
from portcullis.model.host import Host
from portcullis.tasks import cancel_and_wait, spawn

FRESH_SECONDS = 1.0
FINDINGS_SECONDS = 5.0
MOST_HOSTS = 12
"""The busiest."""
BUSY, STRAINED = 0.5, 0.8
"""Of a host's processors: bounds of the groups that hosts are counted in."""


@dataclass(frozen=True, slots=True)
class OverviewSources:
    snapshot: Snapshot
    sessions: SessionIndex
    hosts: Hosts
    loads: HostLoads
    audit: AuditEverywhere
    findings: Callable[[], Awaitable[list[Finding]]]
    clock: Clock


class Overview:
    def __init__(self, sources: OverviewSources) -> None:
        self._from = sources
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}
        self._findings: list[Finding] = []
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        await cancel_and_wait(self._looking)

    async def of(self, tenant_id: str, *, sees_site: bool) -> dict[str, Any]:
        now = self._from.clock.monotonic()
        made, kept = self._kept.get(tenant_id, (float("-inf"), {}))
        if now - made >= FRESH_SECONDS:
            kept = await self._make(tenant_id)
            self._kept[tenant_id] = (now, kept)
        return {**kept, **(self._site() if sees_site else {})}

    async def _make(self, tenant_id: str) -> dict[str, Any]:
        states = self._from.sessions.states_of(tenant_id)
        snapshot = self._from.snapshot
        return {
            "time": self._from.clock.now(),
            "revision": snapshot.revision,
            "sessions": {"total": sum(states.values()), "states": states},
            "hosts": self._hosts(tenant_id),
            "applications": snapshot.count(tenant_id, "application"),
            "users": snapshot.count(tenant_id, "user"),
            "activity": activity(await self._from.audit.counts(tenant_id), self._from.clock.now()),
        }

    def _hosts(self, tenant_id: str) -> dict[str, Any]:
        views = [
            self._host(host, tenant_id)
            for host in self._from.hosts.list()
            if tenant_id in host.tenants and not host.revoked
        ]
        states, loads = Counter(view["state"] for view in views), Counter(_group(view) for view in views)
        views.sort(key=lambda view: (-(view["load"] or 0.0), view["name"]))
        return {
            "total": len(views),
            "states": dict(states),
            "loads": dict(loads),
            "slots": sum(view["slots"] for view in views),
            "sessions": sum(view["sessions"] for view in views),
            "busiest": views[:MOST_HOSTS],
        }

    def _host(self, host: Host, tenant_id: str) -> dict[str, Any]:
        """Of the sessions there the tenant's own are counted: others are none of its business."""
        live, load = self._from.hosts.is_live(host.id), self._from.loads.get(host.id)
        return {
            "name": host.name,
            "state": "gone" if not live else "draining" if host.draining else "online",
            "slots": host.slots,
            "sessions": self._from.sessions.count(host.id, tenant_id),
            "load": round(load.cpu, 3) if load else None,
        }

    def _site(self) -> dict[str, Any]:
        now, snapshot = self._from.clock.monotonic(), self._from.snapshot
        if now - self._looked >= FINDINGS_SECONDS and (self._looking is None or self._looking.done()):
            self._looked = now
            self._looking = spawn(self._look(), name="overview findings")
        return {
            "findings": [asdict(finding) for finding in self._findings],
            "brokers": snapshot.count("site", "live", "broker"),
            "gateways": snapshot.count("site", "live", "gateway"),
        }

    async def _look(self) -> None:
        self._findings = await self._from.findings()


def activity(counts: Counter[tuple[int, str, str]], now: float) -> dict[str, Any]:
    """The last day by quarters of an hour, oldest first, and refusals by their codes, most frequent first."""
    first = tally.bucket_of(now) - tally.BUCKETS + 1
    series = {kind: [0] * tally.BUCKETS for kind in sorted(tally.COUNTED)}
    refused: Counter[tuple[str, str]] = Counter()
    for (bucket, kind, code), number in counts.items():
        series[kind][bucket - first] += number
        if kind not in ("sign_in", "launch"):
            refused[kind, code] += number
    return {
        "start": first * tally.BUCKET_SECONDS,
        "bucket_seconds": tally.BUCKET_SECONDS,
        "series": series,
        "totals": {kind: sum(numbers) for kind, numbers in series.items()},
        "refused": [
            {"type": kind, "code": code, "count": number} for (kind, code), number in _most(refused.items())
        ],
    }


def _most(items: Iterable[tuple[tuple[str, str], int]]) -> list[tuple[tuple[str, str], int]]:
    return sorted(items, key=lambda item: (-item[1], item[0]))[:20]


def _group(view: dict[str, Any]) -> str:
    load = view["load"]
    if load is None:
        return "unknown"
    return "strained" if load >= STRAINED else "busy" if load >= BUSY else "calm"
