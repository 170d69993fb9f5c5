"""Writes a plan to the grid: all of it or nothing, however many transactions that takes.

What fits into one transaction is one. More is announced by an intent record (`intent`) and carried out step by step;
each step moves the record on in its own transaction, so that it is done once, by whichever broker gets there. A change
that stands still, because its broker is gone, is carried on by the job `changes`. Meanwhile a second one is refused.

From the intent record on a change does not give up: what others change meanwhile is worked in, object by object.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from broker.configuration.intent import CURRENT, MAXIMUM_PACKED_BYTES, Intent, items_path, packed, unpacked
from broker.configuration.writing import Item, Writer, Writes
from broker.grid.grid import MAXIMUM_OPERATIONS
from broker.grid.scopes import Cause, Condition, Record, Stores, TenantStore
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import InvalidInput, PortcullisError, Refused, Unavailable
from portcullis.ids import new_id
from portcullis.logs import ids

log = logging.getLogger(__name__)

OPERATIONS_AT_ONCE = MAXIMUM_OPERATIONS - 8
"""The rest is for the intent record and the job's fence."""
BYTES_AT_ONCE = 1_000_000
PATIENCE = 50
"""So often a step is worked out anew because somebody else was faster."""

ClearUsers = Callable[[str, Sequence[str], str], Awaitable[None]]
"""Ends what users who were deleted left running: the tenant's id, their ids, on whose behalf."""


@dataclass(frozen=True, slots=True)
class Applied:
    revision: int
    change: str
    """Its id in the history; "" where there was nothing to do."""


class Lost(Exception):
    """Nothing was written: somebody else was faster."""


class Applying:
    def __init__(self, stores: Stores, snapshot: Snapshot, clock: Clock, clear_users: ClearUsers) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._clock = clock
        self._clear_users = clear_users
        self._seen: dict[str, int] = {}

    def check_free(self, tenant_id: str) -> None:
        """Raises Refused("change_under_way")."""
        record = self._snapshot.get(tenant_id, CURRENT)
        if record is not None:
            intent = Intent.from_json(record.value)
            raise Refused(
                "change_under_way",
                f"A change of {intent.total} objects by {intent.author} is under way ({intent.done} are done).",
            )

    async def write(self, tenant_id: str, items: Sequence[Item], author: str, reason: str) -> Applied:
        """Raises Lost, Conflict; Refused: change_under_way; InvalidInput for too much at once; Unavailable."""
        if not items:
            return Applied(self._snapshot.revision, "")
        store = await self._stores.tenant(tenant_id)
        self.check_free(tenant_id)
        intent = Intent(new_id(), 0, len(items), author, reason, self._clock.now())
        writer = self._writer(store, intent, strict=True)
        first = _fitting(writer, items)
        if first.count == len(items):
            revision = await self._at_once(store, first.writes)
            await self._end_sessions(tenant_id, items, author)
        else:
            for item in items[first.count :]:
                writer.check(item)
            revision = await self._announced(store, intent, items)
        return Applied(revision, intent.id)

    async def _at_once(self, store: TenantStore, writes: Writes) -> int:
        conditions = [*writes.conditions, store.absent(CURRENT)]
        result = await commit(self._stores, *writes.operations, conditions=conditions)
        await self._snapshot.until(result.revision)
        if not result.succeeded:
            raise Lost
        return result.revision

    async def _announced(self, store: TenantStore, intent: Intent, items: Sequence[Item]) -> int:
        content = packed(items)
        if len(content["packed"]) > MAXIMUM_PACKED_BYTES:
            raise InvalidInput("documents", "fewer objects at once: apply parts one after another")
        result = await commit(
            self._stores,
            store.put(CURRENT, intent.to_json()),
            store.put(items_path(intent.id), content),
            conditions=[store.absent(CURRENT)],
        )
        await self._snapshot.until(result.revision)
        current = await store.get(CURRENT)
        if current is None or Intent.from_json(current.value).id != intent.id:
            self.check_free(store.scope)
            raise Lost
        log.info("a change begins", extra=ids(tenant=store.scope, change=intent.id, objects=intent.total))
        return await self._carry_out(store, intent.id, items)

    async def _carry_out(
        self, store: TenantStore, id: str, items: Sequence[Item], fences: Sequence[Condition] = ()
    ) -> int:
        """From where it stands to its end. Raises Unavailable; the change itself goes on then."""
        patience = PATIENCE
        while patience:
            record = self._snapshot.get(store.scope, CURRENT)
            if record is None or Intent.from_json(record.value).id != id:
                return self._snapshot.revision  # another broker did the rest
            intent = Intent.from_json(record.value)
            if intent.done == len(items):
                await self._end_sessions(store.scope, items, intent.author)
            revision = await self._step(store, record, intent, items, fences)
            patience = PATIENCE if revision else patience - 1
        raise Unavailable("unavailable", "The change is under way and goes on by itself.")

    async def _step(
        self,
        store: TenantStore,
        record: Record,
        intent: Intent,
        items: Sequence[Item],
        fences: Sequence[Condition],
    ) -> int:
        """The next items, in one transaction with where it stands then. 0: somebody else was faster."""
        part = _fitting(self._writer(store, intent, strict=False), items[intent.done :])
        if part.count:
            ends = [store.put(CURRENT, replace(intent, done=intent.done + part.count).to_json())]
        else:
            ends = [store.delete(CURRENT), store.delete(items_path(intent.id))]
        conditions = [*part.writes.conditions, store.unchanged(record), *fences]
        result = await commit(self._stores, *part.writes.operations, *ends, conditions=conditions)
        await self._snapshot.until(result.revision)
        return result.revision if result.succeeded else 0

    def _writer(self, store: TenantStore, intent: Intent, *, strict: bool) -> Writer:
        cause = Cause(intent.reason, intent.id)
        return Writer(self._stores.site, store, self._snapshot, intent.author, cause, strict=strict)

    async def _end_sessions(self, tenant_id: str, items: Sequence[Item], author: str) -> None:
        gone = [item["id"] for item in items if item["kind"] == "user" and item["fields"] is None]
        if gone:
            await self._clear_users(tenant_id, gone, author)

    async def round(self, fence: Condition) -> None:
        """Of the job: carries on what has not moved since the round before. Raises GridError."""
        seen: dict[str, int] = {}
        for tenant in self._snapshot.tenants():
            tenant_id = tenant.path[1]
            record = self._snapshot.get(tenant_id, CURRENT)
            if record is None:
                continue
            seen[tenant_id] = record.mod_revision
            if self._seen.get(tenant_id) == record.mod_revision:
                try:
                    await self._carry_on(tenant_id, record, fence)
                except (
                    PortcullisError
                ) as exc:  # one tenant's trouble, such as its end, is not that of the others
                    log.warning("a change waits: %s", exc, extra=ids(tenant=tenant_id))
        self._seen = seen

    async def _carry_on(self, tenant_id: str, record: Record, fence: Condition) -> None:
        store = await self._stores.tenant(tenant_id)
        intent = Intent.from_json(record.value)
        content = await store.get(items_path(intent.id))
        if content is None:  # its last step was taken a moment ago
            return
        items = unpacked(content.value)
        log.warning(
            "a change that was cut off is carried on",
            extra=ids(tenant=tenant_id, change=intent.id, done=intent.done, objects=intent.total),
        )
        await self._carry_out(store, intent.id, items, [fence])


@dataclass(frozen=True, slots=True)
class _Part:
    writes: Writes
    count: int
    """How many items are in it: at least one, if there are any."""


def _fitting(writer: Writer, items: Sequence[Item]) -> _Part:
    """As many of the first items as one transaction holds. Raises Conflict."""
    taken = Writes()
    operations = size = count = 0
    for item in items:
        writes = writer.writes(item)
        more, bytes_more = writes.weight
        if count and (operations + more > OPERATIONS_AT_ONCE or size + bytes_more > BYTES_AT_ONCE):
            break
        operations, size, count = operations + more, size + bytes_more, count + 1
        taken.operations += writes.operations
        taken.conditions += writes.conditions
    return _Part(taken, count)
