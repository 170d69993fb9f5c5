"""Changing the site's CA while everything runs (docs/backup.md): one broker's job, from its announcement on.

*Announced*: the new CA lies under `key/ca-next`. Every broker trusts it and says so; hosts and gateways fetch it with a
renewal, and say with another one that they trust it: a host says so only once the workers of all its sessions do.
*Signing*: when all of them do, it moves to `key/ca` in one transaction and signs from then on. Everything still trusts
both; machines renew within the minute, brokers at once.
*Retired*: when no certificate of the old CA is left that could still be renewed, its record goes, and all trust in it.

Each step waits for whoever is missing; who will not come back is revoked, or left behind by the operator's word
(`forced`): it has to join anew. What step is due is decided by `look`, which is pure but for the snapshot.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from broker.grid.keys import SITE
from broker.grid.scopes import Condition, Record, Stores
from broker.live_brokers import LiveBrokers
from broker.pki.authority import new_ca
from broker.pki.certificates import MACHINE_LIFETIME_SECONDS
from broker.pki.change import Progress
from broker.pki.machines import RENEWABLE_AFTER_EXPIRY_SECONDS
from broker.repositories.committing import commit
from broker.repositories.keys import CA, NEXT_CA, CaKeys
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.model.host import Gateway, Host

log = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0
SETTLED_SECONDS = 60.0
"""After each step every broker has seen it, whatever its lag and its clock."""
FORGOTTEN_SECONDS = MACHINE_LIFETIME_SECONDS + RENEWABLE_AFTER_EXPIRY_SECONDS
"""After it signs: what the old CA signed last cannot be renewed any more."""


def look(snapshot: Snapshot, now: float) -> Progress | None:
    """None: the site has one CA. Raises Unavailable while there is no site."""
    keys = CaKeys(snapshot)
    coming, signing = keys.coming, keys.signing
    machines = list(_machines(snapshot))
    if coming is not None:
        pin = str(coming.value["pin"])
        late = [name for name, machine in machines if pin not in machine.trusts]
        late += [
            f"broker {broker.name}" for broker in LiveBrokers(snapshot).live() if not broker.changes_keys
        ]
        return Progress("announced", *_facts(coming), tuple(sorted(late)), len(machines), _is_forced(coming))
    if not keys.retiring:
        return None
    since, pin = _facts(signing)
    late = [name for name, machine in machines if machine.issuer != pin]
    if now - since > FORGOTTEN_SECONDS:
        late = []
    return Progress("signing", since, pin, tuple(sorted(late)), len(machines), _is_forced(signing))


def is_due(progress: Progress, now: float) -> bool:
    return (progress.forced or not progress.waits_for) and now - progress.since >= SETTLED_SECONDS


class CaRotation:
    """The job. `round` raises GridError, Unavailable."""

    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._keys = CaKeys(snapshot)

    async def round(self, fence: Condition) -> None:
        now = self._stores.clock.now()
        progress = look(self._snapshot, now)
        if progress is None or not is_due(progress, now):
            return
        if progress.phase == "announced":
            await self._sign(fence, now)
        else:
            await self._retire(fence)

    async def _sign(self, fence: Condition, now: float) -> None:
        site, coming = self._stores.site, self._keys.coming
        assert coming is not None
        value = {name: part for name, part in coming.value.items() if name != "forced"}
        created = max(
            now, self._keys.signing.value["created"] + 1
        )  # the newest signs, whatever the clocks said
        result = await commit(
            self._stores,
            site.put((*CA, str(value["kid"])), {**value, "created": created, "since": now}),
            site.delete(coming.path),
            conditions=[fence, site.unchanged(coming)],
        )
        await self._snapshot.until(result.revision)
        log.info("the new CA of the site signs from now on")

    async def _retire(self, fence: Condition) -> None:
        site, signing = self._stores.site, self._keys.signing
        result = await commit(
            self._stores,
            *[site.delete(record.path) for record in self._keys.retiring],
            site.put(signing.path, {name: part for name, part in signing.value.items() if name != "forced"}),
            conditions=[fence, site.unchanged(signing)],
        )
        await self._snapshot.until(result.revision)
        log.info("the old CA of the site is trusted no more")


async def begin(stores: Stores) -> None:
    """Announce a new CA. Raises Refused("changed_meanwhile"), GridError."""
    site, now = stores.site, stores.clock.now()
    meta = await site.get(("meta",))
    known = await site.list(*CA)
    if meta is None or not known:
        raise Refused("not_found", "There is no site in this grid.")
    fresh = new_ca(str(meta.value["id"]), now)
    path = (*NEXT_CA, str(fresh["kid"]))
    conditions = [site.unchanged(record) for record in (meta, *known)]
    result = await commit(stores, site.put(path, fresh), conditions=conditions)
    if not result.succeeded and await site.get(path) is None:
        raise Refused("changed_meanwhile")


async def force(stores: Stores) -> None:
    """Let the step that is due happen without those that it waits for. Raises Refused, GridError."""
    record = await _current(stores)
    await _replace(stores, record, {**record.value, "forced": True})


async def cancel(stores: Stores) -> None:
    """Only while it is announced: nothing was signed by it yet. Raises Refused, GridError."""
    site = stores.site
    coming = await site.list(*NEXT_CA)
    if not coming:
        raise Refused("not_found", "No new CA is announced. One that signs already cannot be taken back.")
    result = await commit(
        stores,
        *[site.delete(record.path) for record in coming],
        conditions=[site.unchanged(record) for record in coming],
    )
    if not result.succeeded and await site.list(*NEXT_CA):
        raise Refused("changed_meanwhile")


async def is_under_way(stores: Stores) -> bool:
    """Raises GridError."""
    return len(await stores.site.list(*CA)) > 1 or bool(await stores.site.list(*NEXT_CA))


async def _current(stores: Stores) -> Record:
    if not await is_under_way(stores):
        raise Refused("not_found", "The site's CA is not being changed.")
    known: Sequence[Record] = await stores.site.list(*NEXT_CA) or await stores.site.list(*CA)
    return max(known, key=lambda record: (record.value["created"], record.path))


async def _replace(stores: Stores, record: Record, value: dict[str, Any]) -> None:
    put = stores.site.put(record.path, value)
    result = await commit(stores, put, conditions=[stores.site.unchanged(record)])
    if not result.succeeded:
        raise Refused("changed_meanwhile")


def _machines(snapshot: Snapshot) -> Iterable[tuple[str, Host | Gateway]]:
    """Those that may come: a revoked one has to join anew whatever it trusts."""
    for record in snapshot.list(SITE, "host"):
        host = Host.from_json(record.value)
        if not host.revoked:
            yield f"host {host.name}", host
    for record in snapshot.list(SITE, "gateway"):
        gateway = Gateway.from_json(record.value)
        if not gateway.revoked:
            yield f"gateway {gateway.name}", gateway


def _facts(record: Record) -> tuple[float, str]:
    return float(record.value.get("since", record.value["created"])), str(record.value["pin"])


def _is_forced(record: Record) -> bool:
    return bool(record.value.get("forced"))
