"""The indexes make of every change what one would make of the whole snapshot, and so does the plan with its trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.hosts.loads import FRESH_SECONDS, HostLoad, HostLoads
from broker.launch.index import HostIndex
from broker.launch.plan import LaunchRequest, plan
from broker.launch.view import look
from broker.launch.waiting import WaitingLines
from broker.repositories.session_index import SessionIndex
from broker.repositories.sessions import session_of
from broker.snapshot import Snapshot
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.session import Display, Session
from portcullis.model.user import User
from tests.support.broker_grid import SettableClock
from tests.support.naive_view import naive_view

TENANTS = ("00000000000000aa", "00000000000000ab")
USERS = ("00000000000000b1", "00000000000000b2")
APPLICATION = Application("00000000000000cc", "Editor", ("x",), entitlement=Entitlement(frozenset({"ann"})))
HOSTS = tuple(f"{n:016x}" for n in range(2))
SESSIONS = tuple(f"{n:016x}" for n in range(0x100, 0x103))

indices = st.integers(0, 7)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("host"), indices, st.integers(1, 3), st.booleans(), st.sampled_from(TENANTS)),
        st.tuples(st.just("no host"), indices),
        st.tuples(st.just("live"), indices, st.booleans()),
        st.tuples(
            st.just("session"),
            indices,
            indices,
            indices,
            st.integers(0, 1),
            st.sampled_from(
                [("pending", "placed"), ("starting", "display"), ("ready", "ready"), ("ending", "placed")]
            ),
        ),
        st.tuples(st.just("no session"), indices),
        st.tuples(st.just("load"), indices, st.floats(0, 2), st.sampled_from([0, 2**27, 2**34])),
        st.tuples(st.just("time"), st.sampled_from([1.0, FRESH_SECONDS])),
    ),
    min_size=8,
    max_size=30,
)


class Site:
    """Changes records as brokers do, whole sessions with their slots."""

    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self.stores, self.snapshot = stores, snapshot
        self.clock = SettableClock()
        self.loads = HostLoads(self.clock)

    def index(self) -> None:
        self.sessions = SessionIndex(self.snapshot)
        self.hosts = HostIndex(self.snapshot, self.sessions, self.loads)
        self.lines = WaitingLines(self.snapshot, self.sessions)

    async def act(self, kind: str, *how: Any) -> None:
        match kind, how:
            case "load", (host, cpu, memory):
                self.loads.hear(HOSTS[host % 2], HostLoad(cpu, memory))
            case "time", (seconds,):
                self.clock.passed += seconds
            case _:
                result = await self.stores.commit(*await self._operations(kind, *how))
                assert await self.snapshot.until(result.revision)

    async def _operations(self, kind: str, number: int, *how: Any) -> Iterable[SealedOperation]:
        site, host_id = self.stores.site, HOSTS[number % 2]
        match kind, how:
            case "host", (slots, draining, tenant):
                host = Host(
                    host_id, f"h{number % 2}", slots, frozenset({TENANTS[0], tenant}), draining=draining
                )
                return [site.put(("host", host_id), replace(host, starting_limit=1 + slots % 2).to_json())]
            case "no host", ():
                return [site.delete(("host", host_id))]
            case "live", (is_live,):
                path = ("live", "host", host_id)
                return [site.put(path, {"lease": 0}) if is_live else site.delete(path)]
            case "session", (user, host, slot, (state, stage)):
                return await self._session(
                    SESSIONS[number % 3], USERS[user % 2], HOSTS[host % 2], slot, state, stage
                )
            case _:
                return await self._no_session(SESSIONS[number % 3])

    async def _session(
        self, id: str, user: str, host: str, slot: int, state: Any, stage: Any
    ) -> Iterable[SealedOperation]:
        tenant = await self.stores.tenant(TENANTS[int(id, 16) % 2])
        before = self.snapshot.get(tenant.scope, ("session", id))
        fields = (id, tenant.scope, user, "ann", APPLICATION.id, "Editor", ("x",), {}, host, "h", slot)
        session = replace(Session(*fields, Display(), "r", 0.0), state=state, stage=stage)
        slots = [self._slot(session, id)]
        if before is not None:
            known = session_of(before)
            session = replace(session, user_id=known.user_id)
            has_moved = (known.host_id, known.slot) != (host, slot)
            slots = [self._slot(known, None), *slots] if has_moved else []
        return [*slots, tenant.put(("session", id), session.to_json())]

    async def _no_session(self, id: str) -> Iterable[SealedOperation]:
        tenant = await self.stores.tenant(TENANTS[int(id, 16) % 2])
        before = self.snapshot.get(tenant.scope, ("session", id))
        freed = [] if before is None else [self._slot(session_of(before), None)]
        return [tenant.delete(("session", id)), *freed]

    def _slot(self, session: Session, id: str | None) -> SealedOperation:
        path = ("slot", session.host_id, str(session.slot))
        return self.stores.site.delete(path) if id is None else self.stores.site.put(path, {"session": id})

    def check(self) -> None:
        self.hosts.refresh_loads()
        self._check_lines()
        for tenant in TENANTS:
            for user in USERS:
                request = LaunchRequest(tenant, user, APPLICATION.id, Display())
                seen = look(self.snapshot, self.hosts, self.sessions, request, 3)
                naive = naive_view(self.snapshot, self.loads, request, 3)
                assert sorted(seen.sessions, key=repr) == sorted(naive.sessions, key=repr)
                naive = replace(naive, sessions=seen.sessions)
                assert seen == naive
                assert plan(request, seen, lambda count: 0) == plan(request, naive, lambda count: 0)

    def _check_lines(self) -> None:
        records = [r for t in TENANTS for r in self.snapshot.list(t, "session")]
        for host in HOSTS:
            own = [
                r
                for r in sorted(records, key=lambda r: (r.create_revision, r.path))
                if r.value["host_id"] == host
            ]
            record = self.snapshot.get("site", ("host", host))
            limit = record.value["starting_limit"] if record else 100
            left = max(0, limit - sum(r.value["state"] == "starting" for r in own))
            waiting = [r.path[1] for r in own if r.value["state"] == "pending"][left:]
            assert list(self.lines.of_host(host).items()) == [(id, n) for n, id in enumerate(waiting, 1)]
            for tenant in TENANTS:
                assert self.sessions.count(host, tenant) == sum(r.scope == tenant for r in own)


async def _found(stores: Stores) -> None:
    for tenant in TENANTS:
        store, data_key = stores.found_tenant(tenant)
        await stores.commit(data_key, stores.site.put(("tenant", tenant), {"id": tenant, "name": tenant}))
        people = [store.put(("user", user), User(user, "ann").to_json()) for user in USERS]
        await stores.commit(*people, store.put(("application", APPLICATION.id), APPLICATION.to_json()))


async def _lived_through(path: Any, history: list[tuple[Any, ...]], indexed_at: int) -> None:
    grid = await EmbeddedGrid.open(path)
    stores = Stores(grid, SiteKey(bytes(32)))
    snapshot = Snapshot(stores)
    await _found(stores)
    await snapshot.start()
    try:
        site = Site(stores, snapshot)
        for number in range(2):
            await site.act("host", number, 2, False, TENANTS[0])
            await site.act("live", number, True)
        for action in history[:indexed_at]:
            await site.act(*action)
        site.index()
        site.check()
        for action in history[indexed_at:]:
            await site.act(*action)
            site.check()
    finally:
        await snapshot.stop()
        await grid.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions, st.integers(0, 10))
def test_the_indexes_show_what_a_walk_over_the_snapshot_shows(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[Any, ...]], indexed_at: int
) -> None:
    path = tmp_path_factory.mktemp("grid") / "grid.sqlite"
    asyncio.run(_lived_through(path, history, indexed_at))
