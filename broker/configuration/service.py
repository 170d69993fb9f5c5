"""Planning, applying, exporting and rolling back, put together: what the API calls.

What is pure runs in a thread, on references that were taken from the snapshot in one breath: a plan over 100,000 users
holds up nobody's stream. A plan that was overtaken before it was written is made anew, unless its caller named the
revision that they looked at: then an object that was changed since is theirs to decide about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from broker.configuration.applying import Applied, Applying, ClearUsers, Lost
from broker.configuration.changes import Change
from broker.configuration.checks import Powers
from broker.configuration.documents import documents_of
from broker.configuration.history import History
from broker.configuration.objects import Held, State, key_of
from broker.configuration.past import as_it_was, groups_as_they_were, labelled_as_it_was
from broker.configuration.pictures import Pictures
from broker.configuration.planning import Plan, plan, plan_objects
from broker.configuration.reading import state_of_records, take
from broker.configuration.replay import PastLaunch, Progress, replay
from broker.configuration.verdicts import Place
from broker.configuration.wanted import Request, Wanted
from broker.configuration.writing import Conflict, items_of, members_of
from broker.grid.scopes import Condition, Stores
from broker.repositories.group_index import MemberIndex
from broker.repositories.icons import Icon
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import InvalidInput, Refused
from portcullis.model.host import Host

ATTEMPTS = 5
PERIOD_SECONDS = 2.0
"""Of the job `changes`: what has not moved from one round to the next is carried on."""

Planned = Callable[[State], Plan]
Members = Callable[[frozenset[str]], Set[str]]
"""From the ids of the users who are in a group to those who shall be."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who applies, why, and on what they decided."""

    author: str
    reason: str = ""
    revision: int | None = None
    """Of the plan that they saw: an object that was changed since is a conflict."""
    pictures: Mapping[str, Icon] = field(default_factory=dict)
    """By hash."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What to replay. `launches` None: only entitlements."""

    request: Request
    launches: Sequence[PastLaunch] | None
    progress: Progress
    entitlements: bool = True


class Configuration:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        clock: Clock,
        clear_users: ClearUsers,
    ) -> None:
        self._snapshot = snapshot
        self._members = snapshot.index(MemberIndex)
        self._applying = Applying(stores, snapshot, clock, clear_users)
        self.pictures = Pictures(stores, snapshot)
        self.history = History(stores, snapshot)

    async def state(self, tenant_id: str) -> State:
        return await asyncio.to_thread(state_of_records, take(self._snapshot, tenant_id))

    async def plan(self, tenant_id: str, request: Request, powers: Powers) -> Plan:
        """Raises Unfit, Refused."""
        return await self._planned(tenant_id, lambda state: plan(state, request, powers))

    async def apply(
        self, tenant_id: str, request: Request, powers: Powers, order: Order
    ) -> tuple[Plan, Applied]:
        """Raises Unfit; Refused: changed_meanwhile (with `current`), change_under_way, those of a plan; InvalidInput
        for a picture that is not there; Unavailable.
        """
        return await self._apply(tenant_id, lambda state: plan(state, request, powers), order)

    def check_free(self, tenant_id: str) -> None:
        """Raises Refused("change_under_way")."""
        self._applying.check_free(tenant_id)

    async def set_members(self, tenant_id: str, group: str, wanted: Members, author: str) -> int:
        """All at once or nobody, however many there are. Raises Refused: changed_meanwhile, change_under_way;
        Unavailable.
        """
        self._applying.check_free(tenant_id)
        for _ in range(ATTEMPTS):
            there = self._members.of_group(tenant_id, group)
            then = wanted(there)
            items = members_of(group, then - there, inside=True) + members_of(
                group, there - then, inside=False
            )
            try:
                return (await self._applying.write(tenant_id, items, author, "")).revision
            except (Lost, Conflict):
                continue
        raise Refused("changed_meanwhile")

    async def plan_rollback(self, tenant_id: str, revision: int, powers: Powers) -> Plan:
        """Raises Unfit, Refused, GridUnavailable."""
        return await self._planned(tenant_id, await self._rollback(tenant_id, revision, powers))

    async def roll_back(
        self, tenant_id: str, revision: int, powers: Powers, order: Order
    ) -> tuple[Plan, Applied]:
        """Everything is as it was at `revision`. Raises as `apply`, GridUnavailable."""
        return await self._apply(tenant_id, await self._rollback(tenant_id, revision, powers), order)

    async def export(self, tenant_id: str, kinds: Collection[str]) -> tuple[int, list[dict[str, Any]]]:
        state = await self.state(tenant_id)
        return state.revision, documents_of(state, kinds)

    async def what_if(self, tenant_id: str, asked: WhatIf, powers: Powers) -> dict[str, Any]:
        """Changes nothing. Raises Unfit, Refused, Stopped."""
        records = take(self._snapshot, tenant_id)

        def work() -> dict[str, Any]:
            made = plan(state_of_records(records), asked.request, powers)
            hosts = tuple(Host.from_json(record.value) for record in records.hosts)
            found = replay(
                made,
                Place(tenant_id, hosts),
                asked.launches,
                asked.progress,
                entitlements=asked.entitlements,
            )
            return {**made.to_json(), **found.to_json()}

        return await asyncio.to_thread(work)

    async def round(self, fence: Condition) -> None:
        """Of the job `changes`."""
        await self._applying.round(fence)

    async def _planned(self, tenant_id: str, planned: Planned) -> Plan:
        records = take(self._snapshot, tenant_id)
        return await asyncio.to_thread(lambda: planned(state_of_records(records)))

    async def _apply(self, tenant_id: str, planned: Planned, order: Order) -> tuple[Plan, Applied]:
        self._applying.check_free(tenant_id)
        for _ in range(ATTEMPTS):
            made = await self._planned(tenant_id, planned)
            _check_not_changed(made, order.revision)
            await self.pictures.keep(tenant_id, made.changes, order.pictures)
            try:
                items = items_of(made.changes, made.before)
                applied = await self._applying.write(tenant_id, items, order.author, order.reason)
            except (Lost, Conflict):
                continue
            await self.pictures.let_go(tenant_id, made.changes)
            return made, applied
        raise Refused("changed_meanwhile")

    async def _rollback(self, tenant_id: str, revision: int, powers: Powers) -> Planned:
        if revision > (newest := self._snapshot.revision):
            raise InvalidInput("revision", f"one that was reached: the newest is {newest}")
        if revision == newest:
            return lambda state: plan_objects(Wanted(state), powers)
        past = await self.history.before(tenant_id, revision)
        gone = await self.pictures.gone(tenant_id, filter(None, past.objects.values()))

        def planned(state: State) -> Plan:
            found = Wanted(state)
            for (kind, name), then in past.objects.items():
                place = (kind, key_of(kind, name))
                found.objects[place] = as_it_was(found.held(place), then, gone)
            shared = powers.may("platform.hosts.write")
            for name, group in groups_as_they_were(state, past.hosts, shared=shared).items():
                found.objects["host-group", name] = group
            for (kind, name), labels in past.labels.items():
                held = labelled_as_it_was(found.find(kind, name), kind, name, labels)
                found.objects[kind, key_of(kind, name)] = held
            return plan_objects(found, powers)

        return planned


def _check_not_changed(made: Plan, revision: int | None) -> None:
    """Raises Refused("changed_meanwhile") with what is there now."""
    if revision is None:
        return
    for change in made.changes:
        if change.before is not None and change.before.revision > revision:
            raise Refused(
                "changed_meanwhile",
                f"{change.kind} {change.name} was changed since you looked at it.",
                current=current_of(change, change.before),
            )


def current_of(change: Change, held: Held) -> dict[str, Any]:
    return {"kind": change.kind, "name": held.name, "fields": dict(held.fields), "revision": held.revision}
