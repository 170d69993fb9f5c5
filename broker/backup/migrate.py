"""A site moves from one grid to another, whole: every record as it was sealed, in the order of creation, on new
leases.

The source is marked first, so that no broker starts on it and nothing in it changes any more; then the target is
filled (`filling`), compared record by record, and made a site; then the source's mark says that the move is done. At
every moment at most one of the two takes a broker. Interrupted anywhere, the same command goes on; before the target
is a site `cancel` takes the mark off again.

The mark stands in `site/meta`, with a schema number that no program knows, so that brokers of versions which know no
mark refuse as well. What brokers and jobs say of themselves while they run stays behind.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from broker.backup.filling import ARRIVING, META, Arrival, Filling, Progress, clear
from broker.backup.vault import meta_of, site_seal
from broker.grid import keys
from broker.grid.grid import Grid, KeyValue, LeaseGone, ModRevision, Put
from broker.grid.seal import Seal, SealBroken, SiteKey
from broker.schema import MARKED_SCHEMA, check_known, moved_message
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.model.tenant import Site

STAYS_BEHIND = frozenset({"live", "job"})
_LIVE_BROKERS = keys.key(keys.SITE, ("live", "broker")) + "/"


@dataclass(frozen=True, slots=True)
class Migrated:
    records: int
    leases: int
    revision: int
    """Of the target."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The two grids and what operators call them."""

    source: Grid
    target: Grid
    source_name: str
    target_name: str


class Migration:
    def __init__(self, ends: Ends, site_key: SiteKey, clock: Clock) -> None:
        self._ends = ends
        self._seal = site_seal(site_key)
        self._clock = clock

    async def run(self, progress: Progress = lambda done, total: None) -> Migrated:
        """Raises Refused: grid_not_empty, brokers_run; Unavailable: no site, site_moved, site_too_new; GridError."""
        await self._check_target()
        meta = await self._mark_source()
        source = await self._ends.source.range(keys.ROOT)
        items = [item for item in source.items if item.key != META and not _stays_behind(item)]
        marked_at = next(item.mod_revision for item in source.items if item.key == META)
        arrival = Arrival(self._ends.source_name, meta["id"], marked_at, meta["moved"]["time"])
        target = (await self._ends.target.range(keys.ROOT)).items
        if not self._is_filled(target, meta["id"]):
            await self._fill(arrival, items, target, _unmarked(meta), progress)
        await self._mark_done()
        after = await self._ends.target.range(keys.ROOT)
        return Migrated(len(after.items), len({item.lease for item in after.items} - {0}), after.revision)

    async def _fill(
        self,
        arrival: Arrival,
        items: Sequence[KeyValue],
        target: Sequence[KeyValue],
        meta: dict[str, Any],
        progress: Progress,
    ) -> None:
        filling = Filling(self._ends.target, self._seal, arrival)
        there = await filling.begin(target, may_clear=self._is_past(target))
        ended = there - {item.key for item in items}  # with its lease, since an earlier attempt
        await clear(self._ends.target, [item for item in target if item.key in ended])
        missing = [item for item in items if item.key not in there]
        await filling.put(missing, await self._new_leases(missing), progress)
        await self._compare(items)
        await filling.finish(meta)

    async def _check_target(self) -> None:
        """Before anything is marked. Raises Refused("grid_not_empty")."""
        target = (await self._ends.target.range(keys.ROOT)).items
        try:
            if not target or self._is_past(target) or any(item.key == ARRIVING for item in target):
                return
        except SealBroken as exc:
            raise Refused(
                "grid_not_empty",
                f"{self._ends.target_name} holds what another site key sealed: put it out of the way first.",
            ) from exc
        source_meta = meta_of((await self._ends.source.range(META)).items, self._seal)
        if source_meta is None or not self._is_filled(target, source_meta["id"]):
            raise Refused("grid_not_empty")
        if "moved" not in source_meta:
            raise Refused("grid_not_empty", "Both grids hold this site: nothing was changed.")

    async def _mark_source(self) -> dict[str, Any]:
        """The marked record: by this move, or by one to the same place that was interrupted."""
        meta = await self._meta(self._ends.source)
        if "moved" in meta:
            if meta["moved"]["done"] or meta["moved"]["to"] != self._ends.target_name:
                raise Unavailable("site_moved", moved_message(meta["moved"]))
            return meta
        check_known(Site.from_json(meta))
        await self._check_no_broker()
        moved = {
            "to": self._ends.target_name,
            "time": self._clock.now(),
            "schema": meta.get("schema", 1),
            "done": False,
        }
        marked = {**meta, "schema": MARKED_SCHEMA, "moved": moved}
        await self._put_meta(self._ends.source, marked)
        try:
            await self._check_no_broker()  # one may have started right before the mark
        except Refused:
            await self._put_meta(self._ends.source, meta)
            raise
        return marked

    async def _mark_done(self) -> None:
        meta = await self._meta(self._ends.source)
        await self._put_meta(self._ends.source, {**meta, "moved": {**meta["moved"], "done": True}})

    async def _check_no_broker(self) -> None:
        if (await self._ends.source.range(_LIVE_BROKERS)).items:
            raise Refused("brokers_run")

    async def _new_leases(self, items: Sequence[KeyValue]) -> dict[int, int]:
        """With their full time again, as at the start of an embedded grid."""
        made: dict[int, int] = {}
        for lease in sorted({item.lease for item in items} - {0}):
            try:
                seconds = await self._ends.source.lease_seconds(lease)
            except LeaseGone:
                seconds = 1.0  # its records end at the source as well
            made[lease] = (await self._ends.target.lease(seconds)).id
        return made

    async def _compare(self, items: Sequence[KeyValue]) -> None:
        """Every record, its seal and its place in the order of creation. What ends with its lease may be gone."""
        copies = {item.key: item for item in (await self._ends.target.range(keys.ROOT)).items}
        order = [
            (item.create_revision, copies[item.key].create_revision)
            for item in items
            if item.key in copies and not item.lease
        ]
        differing = [item.key for item in items if not _is_copied(item, copies.pop(item.key, None))]
        extra = copies.keys() - {ARRIVING}
        if differing or extra or not _same_order(order):
            first = next(iter([*differing, *sorted(extra)]), "the order of creation")
            raise Unavailable(
                "site_incomplete", f"The copy is not what was copied ({first}): run the same command again."
            )

    def _is_past(self, target: Sequence[KeyValue]) -> bool:
        """What the site left behind when it moved away from there earlier: a copy of the past."""
        meta = meta_of(target, self._seal)
        return meta is not None and bool(meta.get("moved", {}).get("done"))

    def _is_filled(self, target: Sequence[KeyValue], site_id: str) -> bool:
        meta = meta_of(target, self._seal)
        return meta is not None and meta["id"] == site_id and "moved" not in meta

    async def _meta(self, grid: Grid) -> dict[str, Any]:
        meta = meta_of((await grid.range(META)).items, self._seal)
        if meta is None:
            raise Unavailable(message=f"There is no site in {self._ends.source_name}.")
        return meta

    async def _put_meta(self, grid: Grid, meta: dict[str, Any]) -> None:
        await put_meta(grid, self._seal, meta)


async def cancel(source: Grid, site_key: SiteKey) -> bool:
    """Take the mark off: the source is the site again. Only where no broker ever ran on the other grid, which stays as
    it is. False when there was no mark. Raises Unavailable without a site."""
    seal = site_seal(site_key)
    meta = meta_of((await source.range(META)).items, seal)
    if meta is None:
        raise Unavailable(message="There is no site in this grid.")
    if "moved" not in meta:
        return False
    await put_meta(source, seal, _unmarked(meta))
    return True


async def put_meta(grid: Grid, seal: Seal, meta: dict[str, Any]) -> None:
    """Raises Refused("changed_meanwhile")."""
    item = await grid.get(META)
    assert item is not None
    value = seal.seal(META, json.dumps(meta).encode())
    result = await grid.txn([ModRevision(META, item.mod_revision)], [Put(META, value)])
    if not result.succeeded:
        raise Refused("changed_meanwhile")


def _unmarked(meta: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in meta.items() if name != "moved"}
    return {**rest, "schema": meta["moved"]["schema"]}


def _stays_behind(item: KeyValue) -> bool:
    place = keys.parse(item.key)
    return place is not None and place[0] == keys.SITE and place[1][0] in STAYS_BEHIND


def _is_copied(item: KeyValue, copy: KeyValue | None) -> bool:
    if copy is None:
        return item.lease != 0
    return copy.value == item.value and bool(copy.lease) == bool(item.lease)


def _same_order(pairs: Sequence[tuple[int, int]]) -> bool:
    """Of (revision there, revision here): what came later there came later here."""
    ordered = sorted(pairs)
    return all(a[1] < b[1] for a, b in pairwise(ordered) if a[0] < b[0])
