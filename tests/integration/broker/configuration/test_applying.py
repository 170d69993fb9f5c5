"""All or nothing: changes that take many transactions, cut off anywhere, and two at once, on a real grid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.configuration import applying, writing
from broker.configuration.checks import Powers
from broker.configuration.intent import CURRENT, Intent
from broker.configuration.service import Configuration, Order
from broker.configuration.wanted import Request
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import GridUnavailable
from broker.grid.scopes import CommitResult, SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.errors import Refused, Unavailable
from portcullis.ids import name_hash
from portcullis.model.application import Application
from portcullis.model.roles import PERMISSIONS
from portcullis.model.user import User

TENANT = "00000000000000aa"
POWERS = Powers(frozenset(PERMISSIONS))
ORDER = Order("root (1)", "a test")
OBJECTS = 24
ROOT = User("00000000000000bb", "root", "administrator", password_hash="x", totp_secret="y")


class Killed(Exception):
    """The broker was, at this very point."""


class Site:
    def __init__(self, grid: EmbeddedGrid) -> None:
        self.grid = grid
        self.stores = Stores(grid, SiteKey(bytes(32)))
        self.snapshot = Snapshot(self.stores)
        self.cleared: list[tuple[str, ...]] = []
        self.configuration = Configuration(self.stores, self.snapshot, SystemClock(), self._clear)

    async def _clear(self, tenant_id: str, user_ids: Any, author: str) -> None:
        self.cleared.append(tuple(user_ids))

    async def names(self) -> set[str]:
        store = await self.stores.tenant(TENANT)
        return {record.value["name"] for record in await store.list("application")}

    async def people(self, ids: set[str], **fields: Any) -> None:
        """As they are, with these fields."""
        store = await self.stores.tenant(TENANT)
        for user_id in ids:
            record = await store.get(("user", user_id))
            user = User.from_json(record.value) if record else User(user_id, f"user {user_id}")
            put = store.put(("user", user_id), replace(user, **fields).to_json())
            assert await self.snapshot.until((await self.stores.commit(put)).revision)

    async def user(self, user_id: str) -> User:
        record = await (await self.stores.tenant(TENANT)).get(("user", user_id))
        assert record is not None
        return User.from_json(record.value)

    async def members(self, group: str) -> set[str]:
        records = await (await self.stores.tenant(TENANT)).list("user")
        return {record.path[1] for record in records if group in record.value["groups"]}

    async def apply(self, *documents: dict[str, Any], **more: Any) -> str:
        request = Request(documents, **more)
        _, applied = await self.configuration.apply(TENANT, request, POWERS, ORDER)
        return applied.change

    async def carry_on(self) -> None:
        """Two rounds of the job: what did not move between them is carried on."""
        for _ in range(2):
            await self.configuration.round(self.stores.site.present(("tenant", TENANT)))

    def die_at(self, transaction: int, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
        """Before the transaction reaches the grid, or after it did and before anybody knows."""
        commit, counted = self.stores.commit, iter(range(1, 10_000))

        async def mortal(*operations: SealedOperation, **conditions: Any) -> CommitResult:
            number = next(counted)
            if before and number == transaction:
                raise Killed
            result = await commit(*operations, **conditions)
            if not before and number == transaction:
                raise Killed
            return result

        monkeypatch.setattr(self.stores, "commit", mortal)


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Site]:
    site = Site(await EmbeddedGrid.open(path))
    try:
        if await site.stores.site.get(("tenant", TENANT)) is None:
            await _found(site.stores)
        await site.snapshot.start()
        yield site
    finally:
        await site.snapshot.stop()
        await site.grid.close()


async def _found(stores: Stores) -> None:
    tenant, data_key = stores.found_tenant(TENANT)
    await stores.commit(
        data_key,
        stores.site.put(("tenant", TENANT), {"id": TENANT, "name": "acme"}),
        tenant.put(("user", ROOT.id), ROOT.to_json()),
    )


def application(number: int, **more: Any) -> dict[str, Any]:
    return {"kind": "application", "name": f"app {number:03}", "command": ["x"], **more}


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "OPERATIONS_AT_ONCE", 20)


@pytest.mark.parametrize("before", [True, False])
async def test_an_apply_that_is_cut_off_anywhere_ends_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """The broker dies at each of its transactions in turn; the next one opens what is left of the grid."""
    outcomes = []
    for transaction in range(1, 30):
        path = tmp_path / f"{transaction}.sqlite"
        async with running(path) as site:
            site.die_at(transaction, monkeypatch, before=before)
            try:
                await site.apply(*(application(number) for number in range(OBJECTS)))
                break
            except Killed:
                pass
        async with running(path) as site:
            await site.carry_on()
            left = await site.names()
            outcomes.append(len(left))
            assert len(left) in (0, OBJECTS), f"{len(left)} objects after transaction {transaction}"
            assert site.snapshot.get(TENANT, CURRENT) is None
            assert await site.apply(*(application(number) for number in range(OBJECTS))) != "" or left
            assert await site.names() == {f"app {number:03}" for number in range(OBJECTS)}
    assert len(outcomes) >= OBJECTS * 3 // 20
    assert (0 in outcomes) is before and OBJECTS in outcomes


@pytest.mark.parametrize("before", [True, False])
async def test_all_come_into_a_group_or_nobody_wherever_it_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """Whatever else is changed of them meanwhile stays."""
    monkeypatch.setattr(writing, "USERS_OF_AN_ITEM", 5)
    people = {f"{number:016x}" for number in range(OBJECTS)}
    outcomes = []
    for transaction in range(1, 30):
        path = tmp_path / f"{transaction}.sqlite"
        async with running(path) as site:
            await site.people(people)
            site.die_at(transaction, monkeypatch, before=before)
            try:
                await site.configuration.set_members(TENANT, "big", lambda there: people, "root")
                break
            except Killed:
                pass
        async with running(path) as site:
            await site.people({min(people)}, disabled=True)
            await site.carry_on()
            outcomes.append(len(await site.members("big")))
            assert outcomes[-1] in (0, OBJECTS), f"{outcomes[-1]} users after transaction {transaction}"
            assert (await site.user(min(people))).disabled
    assert len(outcomes) >= OBJECTS // 5
    assert (0 in outcomes) is before and OBJECTS in outcomes


async def test_who_is_in_a_group_already_is_not_written_again(tmp_path: Path) -> None:
    async with running(tmp_path / "grid.sqlite") as site:
        people = {f"{number:016x}" for number in range(3)}
        await site.people(people)
        await site.configuration.set_members(TENANT, "big", lambda there: people, "root")
        revision = site.snapshot.revision
        assert await site.configuration.set_members(TENANT, "big", lambda there: people, "root") == revision
        await site.configuration.set_members(TENANT, "big", lambda there: there - {min(people)}, "root")
        assert await site.members("big") == people - {min(people)}


async def test_a_second_apply_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path / "grid.sqlite") as site:
        site.die_at(3, monkeypatch, before=True)
        with pytest.raises(Killed):
            await site.apply(*(application(number) for number in range(OBJECTS)))
        with pytest.raises(Refused) as refused:
            await site.apply({"kind": "group", "name": "late"})
        assert refused.value.code == "change_under_way"
        monkeypatch.undo()
        await site.carry_on()
        assert await site.apply({"kind": "group", "name": "late"})


async def test_of_two_applies_at_once_both_end_whole(tmp_path: Path) -> None:
    async with running(tmp_path / "grid.sqlite") as site:
        results = await asyncio.gather(
            site.apply(*(application(number) for number in range(OBJECTS))),
            site.apply(*(application(number, disabled=True) for number in range(OBJECTS))),
            return_exceptions=True,
        )
        codes = {result.code for result in results if isinstance(result, Refused)}
        assert codes <= {"change_under_way", "changed_meanwhile"}
        assert any(isinstance(result, str) for result in results)
        store = await site.stores.tenant(TENANT)
        disabled = {record.value["disabled"] for record in await store.list("application")}
        assert len(disabled) == 1 and len(await site.names()) == OBJECTS


async def test_what_others_change_meanwhile_is_worked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody publishes one of the applications between two steps."""
    async with running(tmp_path / "grid.sqlite") as site:
        await site.apply({"kind": "user", "name": "ann"})
        site.die_at(3, monkeypatch, before=True)
        policy = {"kind": "policy", "level": "user", "of": "ann", "values": {"clipboard": "none"}}
        with pytest.raises(Killed):
            await site.apply(policy, *(application(number) for number in range(OBJECTS)))
        monkeypatch.undo()
        store = await site.stores.tenant(TENANT)
        theirs = Application("00000000000000ff", "app 023", ("theirs",))
        result = await site.stores.commit(
            store.put(("application", theirs.id), theirs.to_json()),
            store.put(("application-name", name_hash(theirs.name)), {"id": theirs.id}),
        )
        assert await site.snapshot.until(result.revision)
        await site.carry_on()
        records = [r.value for r in await store.list("application") if r.value["name"] == "app 023"]
        assert [(record["id"], record["command"]) for record in records] == [(theirs.id, ["x"])]


async def test_a_change_that_began_a_moment_ago_elsewhere_holds_a_small_apply_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other broker's intent record comes between the plan and its transaction."""
    async with running(tmp_path / "grid.sqlite") as site:
        commit = site.stores.commit
        store = await site.stores.tenant(TENANT)

        async def late(*operations: SealedOperation, **conditions: Any) -> CommitResult:
            monkeypatch.setattr(site.stores, "commit", commit)
            theirs = Intent("f" * 16, 0, 9, "somebody", "", 0.0)
            await commit(store.put(CURRENT, theirs.to_json()))
            return await commit(*operations, **conditions)

        monkeypatch.setattr(site.stores, "commit", late)
        with pytest.raises(Refused) as refused:
            await site.apply(application(1))
        assert refused.value.code == "change_under_way" and "somebody" in refused.value.message
        assert await site.names() == set()


async def test_a_rollback_into_the_middle_of_a_change_counts_it_as_a_whole(tmp_path: Path) -> None:
    async with running(tmp_path / "grid.sqlite") as site:
        before = site.snapshot.revision
        await site.apply(*(application(number) for number in range(OBJECTS)))
        store = await site.stores.tenant(TENANT)
        revisions = sorted({record.create_revision for record in await store.list("history", "application")})
        assert len(revisions) > 2
        middle = revisions[len(revisions) // 2]
        assert (await site.configuration.plan_rollback(TENANT, middle, POWERS)).changes == ()
        await site.apply(*(application(number, disabled=True) for number in range(OBJECTS)))
        planned = await site.configuration.plan_rollback(TENANT, middle, POWERS)
        assert {change.action for change in planned.changes} == {"change"}
        await site.configuration.roll_back(TENANT, before, POWERS, ORDER)
        assert await site.names() == set()


async def test_history_says_who_why_and_as_part_of_what(tmp_path: Path) -> None:
    async with running(tmp_path / "grid.sqlite") as site:
        change = await site.apply(*(application(number) for number in range(OBJECTS)))
        store = await site.stores.tenant(TENANT)
        entries = [record.value for record in await store.list("history", "application")]
        assert {(e["author"], e["reason"], e["change"]) for e in entries} == {("root (1)", "a test", change)}
        assert len(entries) == OBJECTS


async def test_users_who_go_are_cleared_before_the_change_ends(tmp_path: Path) -> None:
    async with running(tmp_path / "grid.sqlite") as site:
        await site.apply({"kind": "user", "name": "ann", "labels": {"owner": "x"}})
        (ann,) = [
            record.value["id"]
            for record in await (await site.stores.tenant(TENANT)).list("user")
            if record.value["name"] == "ann"
        ]
        await site.apply(*(application(number) for number in range(OBJECTS)), prune={"owner": "x"})
        assert site.cleared == [(ann,)]


async def test_a_grid_that_is_away_leaves_a_change_that_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "grid.sqlite") as site:
        commit, counted = site.stores.commit, iter(range(1, 10_000))

        async def away(*operations: SealedOperation, **conditions: Any) -> CommitResult:
            if next(counted) >= 3:
                raise GridUnavailable("away")
            return await commit(*operations, **conditions)

        monkeypatch.setattr(site.stores, "commit", away)
        with pytest.raises(Unavailable):
            await site.apply(*(application(number) for number in range(OBJECTS)))
        monkeypatch.setattr(site.stores, "commit", commit)
        await site.carry_on()
        assert len(await site.names()) == OBJECTS
