"""Which kinds of things changed, for everybody who has a list of them open: one subscription for all.

Changes of a quarter of a second are told together, and nobody is told more often than once a second; when many listen
the pause grows, since each of them asks again for what it shows. Followers of a tenant hear of its own records and of
the hosts that serve it. A follower that does not listen has one set of kinds waiting, however much happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from broker.audit.store import Numbered
from broker.repositories.hosts import Hosts
from broker.snapshot import Change, Snapshot

GATHERED_SECONDS = 0.25
SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 5.0
A_SECOND = 100
"""Followers that one second is enough for."""

_OF_TENANT = {
    kind: kind
    for kind in (
        "application",
        "user",
        "session",
        "group",
        "policy",
        "role",
        "token",
        "probe",
        "entry",
        "label",
    )
} | {"probing": "probe"}
_OF_SITE = {
    "gateway": "gateway",
    "tenant": "tenant",
    "meta": "site",
    "join": "join-token",
    "broker": "broker",
}
_LIVE = {"gateway": "gateway", "broker": "broker"}


class Follower:
    """One who listens. `take` waits for what is new and answers it."""

    def __init__(self, tenant_id: str, sees_site: bool, leave: Callable[[Follower], None]) -> None:
        self.tenant_id = tenant_id
        self.sees_site = sees_site
        self._kinds: set[str] = set()
        self._woken = asyncio.Event()
        self._leave = leave

    def put(self, kinds: Iterable[str]) -> None:
        self._kinds.update(kinds)
        self._woken.set()

    async def take(self, timeout_seconds: float) -> frozenset[str]:
        """Empty when nothing came in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._woken.wait()
        except TimeoutError:
            return frozenset()
        return frozenset(self._kinds)

    def taken(self) -> frozenset[str]:
        """What waits now; it is gone from here."""
        kinds = frozenset(self._kinds)
        self._kinds.clear()
        self._woken.clear()
        return kinds

    def close(self) -> None:
        self._leave(self)


class News:
    def __init__(self, snapshot: Snapshot, hosts: Hosts) -> None:
        self._snapshot = snapshot
        self._hosts = hosts
        self._followers: dict[str, set[Follower]] = {}
        self._dirty: dict[str, set[str]] = {}
        self._dirty_site: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._unsubscribe = self._snapshot.subscribe(self._changed)

    def stop(self) -> None:
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()

    def follow(self, tenant_id: str, *, sees_site: bool) -> Follower:
        """To be closed. `sees_site`: also of gateways, brokers and other tenants."""
        follower = Follower(tenant_id, sees_site, self._leave)
        self._followers.setdefault(tenant_id, set()).add(follower)
        return follower

    @property
    def followers(self) -> int:
        return sum(map(len, self._followers.values()))

    @property
    def pause_seconds(self) -> float:
        """Between two messages to one follower."""
        return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, self.followers / A_SECOND))

    def recorded(self, events: Sequence[Numbered]) -> None:
        """For `Audit.subscribe`."""
        if self._followers:
            for numbered in events:
                if numbered.event.tenant is None:
                    self._mark_site("audit")
                else:
                    self._mark(numbered.event.tenant, "audit")

    def _leave(self, follower: Follower) -> None:
        there = self._followers.get(follower.tenant_id, set())
        there.discard(follower)
        if not there:
            self._followers.pop(follower.tenant_id, None)

    def _changed(self, change: Change) -> None:
        if not self._followers:
            return
        kind = change.path[0]
        if change.scope != "site":
            if kind in _OF_TENANT:
                self._mark(change.scope, _OF_TENANT[kind])
        elif kind == "host":
            self._mark_host(change)
        elif kind == "live" and change.path[1] == "host":
            host = self._hosts.get(change.path[2])
            self._mark_all(host.tenants if host is not None else ())
        elif kind == "live":
            self._mark_site(_LIVE.get(change.path[1], ""))
        elif kind in _OF_SITE:
            self._mark_site(_OF_SITE[kind])
            if kind == "tenant":
                self._mark(change.path[1], "tenant")

    def _mark_host(self, change: Change) -> None:
        for record in (change.record, change.previous):
            if record is not None:
                self._mark_all(record.value.get("tenants") or ())

    def _mark_all(self, tenants: Iterable[str]) -> None:
        for tenant_id in tenants:
            self._mark(tenant_id, "host")
        self._mark_site("host")

    def _mark(self, tenant_id: str, kind: str) -> None:
        if tenant_id in self._followers:
            self._dirty.setdefault(tenant_id, set()).add(kind)
            self._wind()

    def _mark_site(self, kind: str) -> None:
        if kind:
            self._dirty_site.add(kind)
            self._wind()

    def _wind(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHERED_SECONDS, self._tell)

    def _tell(self) -> None:
        self._timer = None
        dirty, site = self._dirty, self._dirty_site
        self._dirty, self._dirty_site = {}, set()
        for tenant_id, followers in self._followers.items():
            kinds = dirty.get(tenant_id, set())
            for follower in followers:
                news = kinds | site if follower.sees_site else kinds
                if news:
                    follower.put(news)
