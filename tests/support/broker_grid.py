"""A small site in a real embedded grid: one tenant, a user, an application, a live host, a grant key, a login.

    async with small_site(tmp_path) as site:
        session, reconnected = await site.launch()

The parts of the broker that decide are the real ones; there is no listener.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import CommitResult, Record, SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.hosts.loads import HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.launch.index import HostIndex
from broker.launch.launch import Launcher, LaunchRequest
from broker.launch.traces import Traces
from broker.launch.waiting import WaitingLines
from broker.pki.authority import new_grant_key
from broker.repositories.hosts import Hosts
from broker.repositories.keys import GrantKeys
from broker.repositories.logins import LoginRecords
from broker.repositories.sessions import Sessions
from broker.repositories.tickets import Tickets
from broker.repositories.traces import TraceStore
from broker.repositories.users import Users
from broker.sessions.attach import Attach
from broker.sessions.lifecycle import Lifecycle
from broker.sessions.stages import Stages
from broker.snapshot import Snapshot
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.session import Display, Session, Stage, State
from portcullis.model.user import Login, User
from portcullis.protocol.reports import Report

TENANT = "00000000000000aa"
USER = User("00000000000000bb", "demo", groups=frozenset({"staff"}))
OTHER_USER = User("00000000000000be", "other", groups=frozenset({"staff"}))
EDITOR = Application(
    "00000000000000cc",
    "Editor",
    ("mousepad", "--new"),
    {"A": "b"},
    Entitlement(groups=frozenset({"staff"})),
)
HOST = Host("00000000000000dd", "h1", 2, frozenset({TENANT}))
CLIENT_KEY = b"\4" + bytes(64)


class SettableClock:
    """Wall time and monotonic time that stand until they are set."""

    def __init__(self) -> None:
        self.wall = 1_763_676_000.0
        self.passed = 0.0

    def now(self) -> float:
        return self.wall + self.passed

    def monotonic(self) -> float:
        return self.passed


class SmallSite:
    def __init__(self, grid: EmbeddedGrid, stores: Stores, snapshot: Snapshot) -> None:
        self.clock = SettableClock()
        self.grid, self.stores, self.snapshot = grid, stores, snapshot
        self.registry = ChannelRegistry()
        self.sessions = Sessions(stores, snapshot)
        self.hosts = Hosts(stores, snapshot)
        self.keys = GrantKeys(snapshot)
        self.traces = Traces(TraceStore(stores, self.clock), self.clock)
        self.lifecycle = Lifecycle(
            *(snapshot, self.sessions, LoginRecords(stores, snapshot), self.hosts, self.traces),
            self.registry,
            clock=self.clock,
        )
        self.loads = HostLoads(self.clock)
        self.lines = WaitingLines(snapshot, self.sessions.index)
        self.stages = Stages(snapshot, self.traces, self.lines)
        self.attach = Attach(
            stores,
            snapshot,
            self.sessions,
            Users(stores, snapshot),
            Tickets(stores),
            self.keys,
            self.clock,
        )
        self.host_index = HostIndex(snapshot, self.sessions.index, self.loads)
        self.launcher = Launcher(
            stores, snapshot, self.sessions, self.traces, self.clock, self.host_index, 10
        )

    async def put(self, scope: str, path: tuple[str, ...], value: dict[str, Any], lease: int = 0) -> None:
        store = self.stores.site if scope == "site" else await self.stores.tenant(scope)
        result = await self.stores.commit(store.put(path, value, lease=lease))
        assert await self.snapshot.until(result.revision)

    async def delete(self, scope: str, *path: str) -> None:
        store = self.stores.site if scope == "site" else await self.stores.tenant(scope)
        result = await self.stores.commit(store.delete(path))
        assert await self.snapshot.until(result.revision)

    def meanwhile(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[Any]]) -> None:
        """Let `act` happen after the next deciding, right before its transaction reaches the grid."""
        commit = self.stores.commit

        async def later(*operations: SealedOperation, **conditions: Any) -> CommitResult:
            monkeypatch.setattr(self.stores, "commit", commit)
            await act()
            return await commit(*operations, **conditions)

        monkeypatch.setattr(self.stores, "commit", later)

    async def put_host(self, host: Host, *, live: bool = True) -> None:
        await self.put("site", ("host", host.id), host.to_json())
        if live:
            await self.hosts.announce(host.id, "0" * 16, "b" * 16, "1")

    async def put_application(self, application: Application) -> None:
        await self.put(TENANT, ("application", application.id), application.to_json())

    async def put_user(self, user: User) -> None:
        await self.put(TENANT, ("user", user.id), user.to_json())

    async def sign_in(self, user: User = USER, name: str = "first") -> Login:
        now = self.clock.now()
        login = Login(
            hashlib.sha256(name.encode()).hexdigest(), TENANT, user.id, CLIENT_KEY, now, now + 43200
        )
        await self.put(TENANT, ("login", login.hash), login.to_json())
        return login

    async def launch(self, user: User = USER, application: Application = EDITOR) -> tuple[Session, bool]:
        return await self.launcher.launch(LaunchRequest(TENANT, user.id, application.id, Display()))

    async def report(
        self, session: Session, state: State, stage: Stage = "ready", code: str | None = None
    ) -> bool:
        report = Report(session.id, session.tenant_id, state, stage, code)
        return await self.lifecycle.reported(session.host_id, report)

    async def ready_session(self) -> Session:
        session, _ = await self.launch()
        await self.report(session, "starting", "accepted")
        await self.report(session, "ready")
        found = self.sessions.get(TENANT, session.id)
        assert found is not None
        return found

    async def keys_left(self, *kinds: str) -> set[str]:
        """Of these kinds, in the grid itself."""
        items = (await self.grid.range("/p/v1/")).items
        return {item.key for item in items if set(kinds) & set(item.key.split("/"))}

    async def records(self, scope: str, *prefix: str) -> list[Record]:
        store = self.stores.site if scope == "site" else await self.stores.tenant(scope)
        return await store.list(*prefix)


@asynccontextmanager
async def small_site(folder: Path) -> AsyncIterator[SmallSite]:
    grid = await EmbeddedGrid.open(folder / "grid.sqlite")
    stores = Stores(grid, SiteKey(bytes(32)))
    snapshot = Snapshot(stores)
    try:
        await _found(stores)
        await snapshot.start()
        site = SmallSite(grid, stores, snapshot)
        await site.put_user(USER)
        await site.put_user(OTHER_USER)
        await site.put_application(EDITOR)
        await site.put_host(HOST)
        site.stages.start()
        site.lifecycle.start()
        yield site
        site.lifecycle.stop()
        site.stages.stop()
    finally:
        await snapshot.stop()
        await grid.close()


async def _found(stores: Stores) -> None:
    _, data_key = stores.found_tenant(TENANT)
    site, grant_key = stores.site, new_grant_key(0.0)
    await stores.commit(
        data_key,
        site.put(("tenant", TENANT), {"id": TENANT, "name": "acme"}),
        site.put(("key", "grant", grant_key["kid"]), grant_key),
    )
