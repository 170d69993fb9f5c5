"""A backup becomes a site again, in an empty grid, and nothing that was revoked comes back with it.

Records go in as they are in the file (those of the site are sealed anew where the key is another one now); then what
the journals say is done to them, as ordinary changes with their history (`replay`); last, `site/meta` with an epoch
above every one that was. No host is told to end anything: what runs is reported by its host and taken up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from broker.backup.archive import Backup
from broker.backup.filling import Arrival, Filling
from broker.backup.journal import Journal
from broker.backup.replay import Records, Replayed, replay
from broker.backup.vault import Vault, meta_of, site_seal
from broker.grid import keys
from broker.grid.grid import MAXIMUM_OPERATIONS, Grid, KeyValue
from broker.grid.keys import Path
from broker.grid.scopes import SealedOperation, Stores
from broker.grid.seal import SealBroken, SiteKey
from broker.pki.authority import new_grant_key
from broker.repositories.committing import commit
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.model.tenant import KNOWN_SCHEMA, Site

AUTHOR = "restore"
_LIVING_KINDS = frozenset(
    {"user", "user-name", "attempts", "recovery", "token", "host", "gateway", "key"}
    | {"tenant", "tenant-name", "tenant-host"}
)
"""What revocations change."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do. Made without a grid."""

    site: Site
    meta: dict[str, Any]
    """The record of the site to be."""
    items: Sequence[KeyValue]
    records: Records
    replayed: Replayed


def plan(backup: Backup, key: SiteKey, journal: Journal, now: float) -> Plan:
    """`key`: the site key of the backup. Every record is opened. Raises Refused("backup_damaged"), Unavailable."""
    try:
        vault = Vault.of(key, backup.items)
        values = {_place(item): vault.open(item) for item in backup.items}
        meta = meta_of(backup.items, vault.site)
    except (SealBroken, ValueError, KeyError) as exc:
        raise Refused("backup_damaged", f"A record of the backup does not open: {exc}.") from exc
    if meta is None:
        raise Refused("backup_damaged", "The backup holds no site.")
    site = Site.from_json(meta)
    if site.schema > KNOWN_SCHEMA:
        raise Unavailable(
            "site_too_new",
            f"The backup's records have schema {site.schema}, this program knows {KNOWN_SCHEMA}: use a newer one.",
        )
    records = Records({place: value for place, value in values.items() if place[1][0] in _LIVING_KINDS})
    replayed = replay(records, backup.info, journal, now)
    if replayed.everything:
        _retire_grant_keys(records)
    if not any(path[1] == "grant" for (_, path), _ in records.below("key", keys.SITE)):
        fresh = new_grant_key(now)
        records.put(keys.SITE, ("key", "grant", fresh["kid"]), fresh)
    return Plan(site, {**meta, "epoch": replayed.epoch, "restored": now}, backup.items, records, replayed)


async def restore(
    grid: Grid,
    site_key: SiteKey,
    plan: Plan,
    *,
    backup_key: SiteKey,
    arrival: Arrival,
    replaces: bool,
    clock: Clock,
) -> None:
    """Raises Refused: grid_not_empty, brokers_run; GridError, Unavailable."""
    found = (await grid.range(keys.ROOT)).items
    if any(item.key.startswith(keys.key(keys.SITE, ("live", "broker")) + "/") for item in found):
        raise Refused("brokers_run")
    filling = Filling(grid, site_seal(site_key), arrival)
    await filling.begin(found, may_clear=replaces)
    await filling.put(_resealed(plan.items, backup_key, site_key))
    await _apply(Stores(grid, site_key, clock), plan.records)
    await filling.finish(plan.meta)


async def _apply(stores: Stores, records: Records) -> None:
    """As ordinary changes: the history tells of them."""
    waiting: list[SealedOperation] = []
    for (scope, path), value in records.changed.items():
        store = stores.site if scope == keys.SITE else await stores.tenant(scope)
        waiting.append(
            store.delete(path, author=AUTHOR) if value is None else store.put(path, value, author=AUTHOR)
        )
        if len(waiting) == MAXIMUM_OPERATIONS // 2:  # a change of configuration is two operations
            await commit(stores, *waiting)
            waiting = []
    if waiting:
        await commit(stores, *waiting)


def _retire_grant_keys(records: Records) -> None:
    """After a panic no grant of before is good, and so no key that signed one."""
    for (scope, path), _ in records.below("key", keys.SITE):
        if path[1] == "grant":
            records.delete(scope, *path)


def _resealed(items: Sequence[KeyValue], old: SiteKey, new: SiteKey) -> Sequence[KeyValue]:
    """Tenants' values lie under their data keys, which stay."""
    before, after = site_seal(old), site_seal(new)
    prefix = keys.prefix(keys.SITE)
    return [
        replace(item, value=after.seal(item.key, before.open(item.key, item.value)))
        if old is not new and item.key.startswith(prefix)
        else item
        for item in items
    ]


def _place(item: KeyValue) -> tuple[str, Path]:
    place = keys.parse(item.key)
    if place is None:
        raise SealBroken(f"{item.key} is a key that no scope wrote")
    return place
