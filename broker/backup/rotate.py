"""New keys for a site: the site key (and with it the wrapping of everything), the data keys of its tenants, the key
that signs grants.

*Sealing anew* needs every broker stopped; sessions go on meanwhile. The site record is sealed first, under the new
site key and with a mark that brokers refuse; then every value of the site, then of each tenant under a data key that
is new, too; last the site record without its mark. Whatever was done already opens with the new key alone, so an
interrupted change goes on where it was. The new key lies in `site.key.new` until all is done, the old one in
`site.key.previous` from then on: backups of before need it.

*The grant key* changes while brokers and streams go on. The new one is announced a minute before it signs; the old
one moves to a lease, so that it verifies until the last grant that it signed has ended, and is gone by itself then.

The site's CA is not changed: every machine pins it.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.backup.filling import META
from broker.backup.vault import site_seal
from broker.grid import keys
from broker.grid.grid import (
    MAXIMUM_OPERATIONS,
    MAXIMUM_VALUE_BYTES,
    Grid,
    KeyValue,
    LeaseGone,
    ModRevision,
    Put,
)
from broker.grid.scopes import Stores, is_data_key
from broker.grid.seal import KEY_BYTES, Seal, SealBroken, SiteKey
from broker.pki.authority import new_grant_key
from broker.repositories.committing import commit
from broker.schema import MARKED_SCHEMA, check_known
from portcullis.clock import Clock
from portcullis.durable import sync_folder
from portcullis.errors import Refused, Unavailable
from portcullis.model.tenant import Site
from portcullis.tickets import GRANT_LIFETIME_SECONDS

ANNOUNCED_SECONDS = 60.0
"""How long gateways and hosts know a grant key before it signs: they are told within seconds."""
OVERLAP_SECONDS = GRANT_LIFETIME_SECONDS + 2 * ANNOUNCED_SECONDS


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The site key of a state folder, and where the other ones lie while it changes."""

    state: Path

    @property
    def current(self) -> Path:
        return self.state / "site.key"

    @property
    def new(self) -> Path:
        return self.state / "site.key.new"

    @property
    def previous(self) -> Path:
        return self.state / "site.key.previous"

    def load_new(self) -> SiteKey:
        """The one that an interrupted change made, or a new one. Raises InvalidInput."""
        return SiteKey.load(self.new) if self.new.exists() else SiteKey.create(self.new)

    def put_in_force(self) -> None:
        """Each step is whole. Raises OSError."""
        kept = self.state / "site.key.keeping"
        kept.unlink(missing_ok=True)
        kept.hardlink_to(self.current)
        kept.replace(self.previous)
        self.new.replace(self.current)
        sync_folder(self.state)


@dataclass(frozen=True, slots=True)
class Resealed:
    values: int
    tenants: int


async def reseal(grid: Grid, old_key: SiteKey, new_key: SiteKey) -> Resealed:
    """Raises Refused: brokers_run, changed_meanwhile; Unavailable; SealBroken; GridError."""
    site = _Turn((site_seal(new_key), site_seal(old_key)), site_seal(new_key))
    await _check_no_broker(grid)
    meta = await _mark(grid, site)
    items = (await grid.range(keys.ROOT)).items
    site_items = [item for item in items if item.key.startswith(keys.prefix(keys.SITE)) and item.key != META]
    count = await _reseal(grid, site, [item for item in site_items if not is_data_key(item.key)])
    data_keys = [item for item in site_items if is_data_key(item.key)]
    for item in data_keys:
        count += 1 + await _rotate_tenant(grid, site, item, items)
    await _write_meta(grid, site, meta)
    return Resealed(count + 1, len(data_keys))


async def rotate_grant_key(stores: Stores, clock: Clock) -> str:
    """Answers with the new key's id. Raises Unavailable, GridError."""
    now = clock.now()
    fresh = {**new_grant_key(now), "signs_from": now + ANNOUNCED_SECONDS}
    lease = await stores.grid.lease(OVERLAP_SECONDS)
    old = [record for record in await stores.site.list("key", "grant") if not record.lease]
    put = stores.site.put(("key", "grant", fresh["kid"]), fresh)
    leaving = [stores.site.put(record.path, record.value, lease=lease.id) for record in old]
    result = await commit(stores, put, *leaving, conditions=[stores.site.unchanged(record) for record in old])
    if not result.succeeded and await stores.site.get(("key", "grant", fresh["kid"])) is None:
        raise Refused("changed_meanwhile")
    return str(fresh["kid"])


@dataclass(frozen=True, slots=True)
class _Turn:
    """From whichever of these seals to the last one."""

    before: tuple[Seal, ...]
    after: Seal

    def open(self, item: KeyValue) -> bytes:
        for seal in self.before[:-1]:
            try:
                return seal.open(item.key, item.value)
            except SealBroken:
                continue
        return self.before[-1].open(item.key, item.value)


async def _check_no_broker(grid: Grid) -> None:
    if (await grid.range(keys.key(keys.SITE, ("live", "broker")) + "/")).items:
        raise Refused("brokers_run")


async def _mark(grid: Grid, site: _Turn) -> dict[str, Any]:
    """The site record to be, without its mark."""
    item = await grid.get(META)
    if item is None:
        raise Unavailable(message="There is no site in this grid.")
    meta: dict[str, Any] = json.loads(site.open(item))
    if "resealing" in meta:
        return {**_without_mark(meta), "schema": meta["resealing"]["schema"]}
    if "moved" in meta:
        raise Unavailable("site_moved")
    check_known(Site.from_json(meta))
    await _write_meta(
        grid, site, {**meta, "resealing": {"schema": meta.get("schema", 1)}, "schema": MARKED_SCHEMA}
    )
    return meta


def _without_mark(meta: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in meta.items() if name != "resealing"}


async def _write_meta(grid: Grid, site: _Turn, meta: dict[str, Any]) -> None:
    item = await grid.get(META)
    assert item is not None
    await _replace(grid, [(item, site.after.seal(META, json.dumps(meta).encode()))])


async def _rotate_tenant(grid: Grid, site: _Turn, item: KeyValue, items: Sequence[KeyValue]) -> int:
    """A new data key, kept with the old one until nothing is under that any more."""
    value = json.loads(site.open(item))
    old, new = value.get("retiring", value["data_key"]), value["data_key"]
    if "retiring" not in value:
        value.pop("coming", None)  # nothing was sealed with it
        new = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        await _replace(grid, [(item, _sealed(site, item, {**value, "data_key": new, "retiring": old}))])
    seals = Seal(base64.b64decode(new)), Seal(base64.b64decode(old))
    prefix = keys.prefix(item.key.rpartition("/")[2])
    count = await _reseal(
        grid, _Turn(seals, seals[0]), [each for each in items if each.key.startswith(prefix)]
    )
    now = await grid.get(item.key)
    assert now is not None
    rest = {name: part for name, part in value.items() if name not in ("retiring", "since", "sealed")}
    await _replace(grid, [(now, _sealed(site, now, {**rest, "data_key": new}))])
    return count


def _sealed(site: _Turn, item: KeyValue, value: dict[str, Any]) -> bytes:
    return site.after.seal(item.key, json.dumps(value).encode())


async def _reseal(grid: Grid, turn: _Turn, items: Sequence[KeyValue]) -> int:
    batch: list[tuple[KeyValue, bytes]] = []
    size = 0
    for item in items:
        value = turn.after.seal(item.key, turn.open(item))
        size += len(item.key.encode()) + len(value)
        if batch and (len(batch) == MAXIMUM_OPERATIONS or size > MAXIMUM_VALUE_BYTES):
            await _replace(grid, batch)
            batch, size = [], len(item.key.encode()) + len(value)
        batch.append((item, value))
    if batch:
        await _replace(grid, batch)
    return len(items)


async def _replace(grid: Grid, batch: Sequence[tuple[KeyValue, bytes]]) -> None:
    """Under the lease that each has. One that ended meanwhile took its record along."""
    if await _is_replaced(grid, batch):
        return
    for item, value in batch:
        if not await _is_replaced(grid, [(item, value)]) and await grid.get(item.key) is not None:
            raise Refused("changed_meanwhile", "The grid changes: does a broker run? Run the command again.")


async def _is_replaced(grid: Grid, batch: Sequence[tuple[KeyValue, bytes]]) -> bool:
    try:
        result = await grid.txn(
            [ModRevision(item.key, item.mod_revision) for item, _ in batch],
            [Put(item.key, value, item.lease) for item, value in batch],
        )
    except LeaseGone:
        return False
    return result.succeeded
