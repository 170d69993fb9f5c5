"""Several brokers launch at once on one grid: nothing is had twice, also where answers are lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import Compare, Grid, GridUnavailable, Operation, TxnResult
from broker.grid.opening import open_grid
from broker.grid.scopes import Record, Stores
from broker.grid.seal import SiteKey
from broker.hosts.loads import HostLoads
from broker.launch.index import HostIndex
from broker.launch.launch import Launcher, LaunchRequest
from broker.launch.traces import Traces
from broker.repositories.sessions import Sessions
from broker.repositories.traces import TraceStore
from broker.snapshot import Snapshot
from portcullis.errors import Refused, Unavailable
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host, LiveHost
from portcullis.model.session import Display, Session
from portcullis.model.user import User
from tests.support.broker_grid import SettableClock
from tests.support.etcd import EtcdCluster
from tests.support.grid_tap import TappedGrid

TENANT = "00000000000000aa"
USERS = [User(f"{n:016x}", f"user{n}", groups=frozenset({"staff"})) for n in range(0xB00, 0xB18)]
EDITOR = Application(
    "00000000000000cc", "Editor", ("x",), entitlement=Entitlement(groups=frozenset({"staff"}))
)
HOSTS = [Host(f"{n:016x}", f"h{n}", 3, frozenset({TENANT})) for n in range(3)]
SLOTS = sum(host.slots for host in HOSTS)


class Forgetful(TappedGrid):
    """Some transactions take effect and their answer is lost."""

    def __init__(self, inner: Grid, chance: random.Random, share: float) -> None:
        super().__init__(inner)
        self._chance = chance
        self._share = share

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        result = await super().txn(compares, then, otherwise)
        if self._chance.random() < self._share:
            raise GridUnavailable("the answer is lost")
        return result


@dataclass
class RacingBroker:
    stores: Stores
    snapshot: Snapshot
    launcher: Launcher

    async def launch(self, user: User) -> Session:
        """As people do: while it is not known what came of it, they try again."""
        request = LaunchRequest(TENANT, user.id, EDITOR.id, Display())
        while True:
            try:
                return (await self.launcher.launch(request))[0]
            except Unavailable:
                continue


class Race:
    def __init__(self, open_: Callable[[], Awaitable[Grid]], stack: AsyncExitStack) -> None:
        self._open = open_
        self._stack = stack
        self._chance = random.Random(4)
        self.brokers: list[RacingBroker] = []

    async def found(self) -> None:
        stores = Stores(await self._open(), SiteKey(bytes(32)))
        tenant, data_key = stores.found_tenant(TENANT)
        await stores.commit(data_key, stores.site.put(("tenant", TENANT), {"id": TENANT, "name": "acme"}))
        await stores.commit(*(tenant.put(("user", user.id), user.to_json()) for user in USERS))
        await stores.commit(tenant.put(("application", EDITOR.id), EDITOR.to_json()))
        for host in HOSTS:
            await stores.commit(stores.site.put(("host", host.id), host.to_json()))
            live = LiveHost(host.id, "0" * 16, "b" * 16, "1", 0)
            await stores.commit(stores.site.put(("live", "host", host.id), live.to_json()))
        self.stores = stores

    async def add_broker(self, answers_lost: float = 0.0) -> None:
        grid = Forgetful(await self._open(), self._chance, answers_lost)
        stores, clock = Stores(grid, SiteKey(bytes(32))), SettableClock()
        snapshot = Snapshot(stores)
        await snapshot.start()
        self._stack.push_async_callback(snapshot.stop)
        sessions = Sessions(stores, snapshot)
        traces = Traces(TraceStore(stores, clock), clock)
        index = HostIndex(snapshot, sessions.index, HostLoads(clock))
        launcher = Launcher(stores, snapshot, sessions, traces, clock, index, 10, self._chance.randrange)
        self.brokers.append(RacingBroker(stores, snapshot, launcher))

    async def run(self, users: Sequence[User]) -> dict[str, list[Session | Refused]]:
        """Every user at every broker, all at once: what each was answered."""
        pairs = [(user, broker) for user in users for broker in self.brokers]
        self._chance.shuffle(pairs)
        answers = await asyncio.gather(
            *(broker.launch(user) for user, broker in pairs), return_exceptions=True
        )
        said: dict[str, list[Session | Refused]] = {user.id: [] for user in users}
        for (user, _), answer in zip(pairs, answers, strict=True):
            if not isinstance(answer, Session | Refused):
                raise answer
            said[user.id].append(answer)
        return said

    async def records(self, *prefix: str, tenant: bool = False) -> list[Record]:
        store = await self.stores.tenant(TENANT) if tenant else self.stores.site
        return await store.list(*prefix)

    async def check(self, said: dict[str, list[Session | Refused]]) -> dict[str, Session]:
        """What is in the grid is consistent, and is what people were told. Answers the sessions by user."""
        sessions = [Session.from_json(record.value) for record in await self.records("session", tenant=True)]
        slots = {(r.path[1], int(r.path[2])): r.value["session"] for r in await self.records("slot")}
        own = {r.path[1:]: r.value["session"] for r in await self.records("own", tenant=True)}
        assert slots == {(session.host_id, session.slot): session.id for session in sessions}
        assert own == {(session.user_id, session.application_id): session.id for session in sessions}
        assert len(sessions) == len(slots) == len(own) <= SLOTS
        by_user = {session.user_id: session for session in sessions}
        for user, answers in said.items():
            told = {answer.id for answer in answers if isinstance(answer, Session)}
            assert told <= {by_user[user].id} if user in by_user else told == set()
            refused = [answer.code for answer in answers if isinstance(answer, Refused)]
            assert set(refused) <= {"host_full", "launch_conflict"}
            assert user in by_user or len(refused) == len(answers)
        return by_user


@pytest.fixture
async def race(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Race]:
    async with AsyncExitStack() as stack:
        if request.param == "embedded":
            shared = await EmbeddedGrid.open(tmp_path / "grid.sqlite")
            stack.push_async_callback(shared.close)

            async def opened() -> Grid:
                return shared
        else:
            cluster = await stack.enter_async_context(EtcdCluster(tmp_path / "etcd", size=1, tls=False))

            async def opened() -> Grid:
                grid = await open_grid(cluster.choice(tmp_path), may_create=True)
                stack.push_async_callback(grid.close)
                return grid

        race = Race(opened, stack)
        await race.found()
        yield race


@pytest.mark.parametrize(
    ("race", "answers_lost"), [("embedded", 0.0), ("embedded", 0.3), ("etcd", 0.3)], indirect=["race"]
)
async def test_many_users_at_many_brokers_share_the_last_slots_honestly(
    race: Race, answers_lost: float
) -> None:
    for _ in range(3):
        await race.add_broker(answers_lost)
    sessions = await race.check(await race.run(USERS))
    assert len(sessions) == SLOTS


@pytest.mark.parametrize("race", ["embedded"], indirect=True)
async def test_one_user_at_many_brokers_has_one_session_and_all_brokers_answer_it(race: Race) -> None:
    for _ in range(4):
        await race.add_broker(0.3)
    said = await race.run(USERS[:1])
    (session,) = (await race.check(said)).values()
    assert said == {USERS[0].id: [session] * 4}


@pytest.mark.parametrize("race", ["embedded", "etcd"], indirect=True)
async def test_a_free_slot_is_found_by_everyone_who_needs_one(race: Race) -> None:
    for _ in range(3):
        await race.add_broker()
    said = await race.run(USERS[:SLOTS])
    sessions = await race.check(said)
    assert len(sessions) == SLOTS
    assert not [a.code for answers in said.values() for a in answers if isinstance(a, Refused)]
