"""New data keys for tenants while everything runs (docs/backup.md): one broker's job, from their announcement on.

*Coming*: the new key stands in the record beside the one in use. Every broker opens values with both from then on, and
seals with the old one. *Retiring*: a minute later the new one seals, and the job seals anew, batch by batch, whatever
still lies under the old one; each value only if nobody wrote it meanwhile. The old key stays readable for a day: what a
broker sealed before it was frozen may be written when it thaws. Then all is looked through again, and it is destroyed.

The site key is not changed so: it lies on each broker's disk, and a person has to carry it there.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import secrets
from collections.abc import Sequence
from typing import Any, get_args

from broker.grid import keys
from broker.grid.grid import Compacted, Grid, KeyValue, LeaseGone, ModRevision, Put
from broker.grid.keys import SITE
from broker.grid.scopes import Condition, Record, Stores, tenant_seal
from broker.grid.seal import KEY_BYTES, Seal, SealBroken
from broker.live_brokers import LiveBrokers
from broker.pki.change import KeyChange, KeyPhase
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.logs import ids

log = logging.getLogger(__name__)

PERIOD_SECONDS = 10.0
SETTLED_SECONDS = 60.0
"""After each step every broker has seen it, whatever its lag and its clock."""
KEPT_SECONDS = 24 * 3600.0
AT_ONCE = 50
PAUSE_SECONDS = 0.05
"""Between two batches: launches and sign-ins go on, and every broker takes a thousand changes a second beside."""
KIND = ("key", "tenant")


def look(snapshot: Snapshot) -> KeyChange | None:
    """None: every tenant has one key."""
    values = [record.value for record in snapshot.list(SITE, *KIND)]
    phases = [_phase(value) for value in values]
    for phase in get_args(KeyPhase):
        if phase in phases:
            return KeyChange(phase, phases.count(phase), _older(snapshot))
    return None


def _phase(value: dict[str, Any]) -> KeyPhase | None:
    if "coming" in value:
        return "coming"
    return None if "retiring" not in value else "kept" if value.get("sealed") else "sealing"


class DataKeys:
    """The job. `round` raises GridError, Unavailable."""

    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    async def round(self, fence: Condition) -> None:
        if _older(self._snapshot):
            return
        for record in self._snapshot.list(SITE, *KIND):
            value, age = record.value, self._stores.clock.now() - float(record.value.get("since", 0.0))
            if "coming" in value and age >= SETTLED_SECONDS:
                await self._seal_with_new(record, fence)
            elif "retiring" in value and not value.get("sealed") and age >= SETTLED_SECONDS:
                await self._seal_anew(record, fence)
                await self._replace(record, {**value, "sealed": True}, fence)
            elif value.get("sealed") and age >= KEPT_SECONDS and not await self._seal_anew(record, fence):
                await self._replace(record, {"data_key": value["data_key"]}, fence)
                log.info("the old data key of a tenant is destroyed", extra=ids(tenant=record.path[-1]))

    async def _seal_with_new(self, record: Record, fence: Condition) -> None:
        value = record.value
        turned = {"data_key": value["coming"], "retiring": value["data_key"]}
        await self._replace(record, {**turned, "since": self._stores.clock.now()}, fence)

    async def _seal_anew(self, record: Record, fence: Condition) -> int:
        """How many values lay under the old key. Raises GridError, Unavailable."""
        tenant, value = record.path[-1], record.value
        seal, new = tenant_seal(value), Seal(base64.b64decode(value["data_key"]))
        count = 0
        with contextlib.suppress(Compacted):  # it goes on in the next round
            async with contextlib.aclosing(self._stores.grid.pages(keys.prefix(tenant))) as pages:
                async for page in pages:
                    old = [item for item in page.items if not _opens(new, item)]
                    for start in range(0, len(old), AT_ONCE):
                        await self._check_held(fence)
                        count += await _reseal(self._stores.grid, seal, old[start : start + AT_ONCE])
                        await asyncio.sleep(PAUSE_SECONDS)
            log.info("%d values are sealed anew", count, extra=ids(tenant=tenant))
            return count
        raise Refused("changed_meanwhile")

    async def _check_held(self, fence: Condition) -> None:
        """Sealing anew takes long: another broker may do it by now."""
        result = await self._stores.commit(self._stores.site.read(("meta",)), conditions=[fence])
        if not result.succeeded:
            raise Refused("changed_meanwhile")

    async def _replace(self, record: Record, value: dict[str, Any], fence: Condition) -> None:
        site = self._stores.site
        put = site.put(record.path, value)
        result = await commit(self._stores, put, conditions=[fence, site.unchanged(record)])
        await self._snapshot.until(result.revision)


async def begin(stores: Stores) -> int:
    """Announce a new key to every tenant that has one; how many. Raises Refused("changed_meanwhile"), GridError."""
    site, begun = stores.site, 0
    for record in await site.list(*KIND):
        if set(record.value) & {"coming", "retiring"}:
            continue
        fresh = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        value = {**record.value, "coming": fresh, "since": stores.clock.now()}
        result = await commit(stores, site.put(record.path, value), conditions=[site.unchanged(record)])
        if not result.succeeded:
            raise Refused("changed_meanwhile")
        begun += 1
    return begun


def _opens(seal: Seal, item: KeyValue) -> bool:
    try:
        seal.open(item.key, item.value)
    except SealBroken:
        return False
    return True


async def _reseal(grid: Grid, seal: Seal, items: Sequence[KeyValue]) -> int:
    """Those that lay under the old key. What was written meanwhile lies under the new one."""
    batch = []
    for item in items:
        with contextlib.suppress(SealBroken):  # as damaged as before
            batch.append(Put(item.key, seal.seal(item.key, seal.open(item.key, item.value)), item.lease))
    revisions = {item.key: item.mod_revision for item in items}
    if batch and not await _is_put(grid, batch, revisions):
        for put in batch:
            await _is_put(grid, [put], revisions)
    return len(batch)


async def _is_put(grid: Grid, puts: Sequence[Put], revisions: dict[str, int]) -> bool:
    try:
        result = await grid.txn([ModRevision(put.key, revisions[put.key]) for put in puts], puts)
    except LeaseGone:
        return False
    return result.succeeded


def _older(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(broker.name for broker in LiveBrokers(snapshot).live() if not broker.changes_keys)
