"""The only way to the grid's records: a store for the site, one for each tenant, and `commit` over both.

A scope adds its prefix, refuses whatever is not a path (`keys`), seals and opens values (`seal`) and builds
conditions and operations; `Stores.commit` alone sends them, in one transaction across scopes. A tenant's
records are reached through its `TenantStore` and through nothing else.

Writing configuration keeps history by itself: the record as it was put, or null when it was deleted, by whom,
when, why and as part of which larger change (`Cause`), under `history/<path>/<stamp>` in the same transaction. The
stamp is the broker's time in milliseconds with random hex behind it; the order that counts is that of the history
records' revisions.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import logging
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.grid import keys
from broker.grid.grid import (
    MAXIMUM_OPERATIONS,
    Compare,
    CreateRevision,
    Delete,
    Exists,
    Get,
    Grid,
    KeyValue,
    ModRevision,
    Operation,
    Put,
    size_of,
)
from broker.grid.keys import Path
from broker.grid.seal import KEY_BYTES, Seal, SealBroken, SiteKey
from portcullis.clock import Clock, SystemClock
from portcullis.errors import Refused

__all__ = [
    "Cause",
    "CommitResult",
    "Condition",
    "Path",
    "Record",
    "Scope",
    "SealedOperation",
    "SiteStore",
    "Stores",
    "TenantStore",
]

log = logging.getLogger(__name__)


PARSED_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Record:
    """One opened value: `plain` is what the seal held. A snapshot holds hundreds of thousands of these."""

    scope: str
    path: Path
    plain: bytes = field(repr=False)
    create_revision: int
    mod_revision: int
    lease: int = 0

    @classmethod
    def of(
        cls,
        scope: str,
        path: Path,
        value: Mapping[str, Any],
        create_revision: int,
        mod_revision: int,
        lease: int = 0,
    ) -> Record:
        return cls(scope, path, _plain(value), create_revision, mod_revision, lease)

    @property
    def value(self) -> dict[str, Any]:
        """Parsed when it is asked for; shared: read it, never change it."""
        return _parsed(self.plain)


@functools.lru_cache(maxsize=PARSED_AT_ONCE)
def _parsed(plain: bytes) -> dict[str, Any]:
    """Parsed values take five times their bytes: the ones in use are kept, not all."""
    value: dict[str, Any] = json.loads(plain)
    return value


def _plain(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


@dataclass(frozen=True, slots=True)
class Cause:
    """What history says of a change besides its author."""

    reason: str = ""
    change: str = ""
    """Id of the change of many objects that it is part of."""

    def to_json(self) -> dict[str, str]:
        return {name: value for name, value in (("reason", self.reason), ("change", self.change)) if value}


UNSAID = Cause()


@dataclass(frozen=True, slots=True)
class Condition:
    """Made by a Scope."""

    _compare: Compare = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedOperation:
    """Made by a Scope: one write and, for configuration, its history."""

    _scope: Scope
    _operations: tuple[Operation, ...] = field(repr=False)

    @property
    def weight(self) -> tuple[int, int]:
        """Operations and bytes, of what one transaction holds (`broker.grid.grid`)."""
        return len(self._operations), size_of(self._operations)


@dataclass(frozen=True, slots=True)
class CommitResult:
    succeeded: bool
    revision: int
    deleted: dict[tuple[str, Path], Record]
    """What the deletes took away. A value that does not open is left out."""


class Scope:
    """Records of the site or of one tenant. Every method raises InvalidPath for what is not a path."""

    def __init__(self, grid: Grid, scope: str, seal: Seal, clock: Clock) -> None:
        self.scope = scope
        self._grid = grid
        self._seal = seal
        self._clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.scope})"

    def put(
        self,
        path: Path,
        value: dict[str, Any],
        *,
        lease: int = 0,
        author: str = "system",
        cause: Cause = UNSAID,
    ) -> SealedOperation:
        """`author` and `cause` stand in the history of configuration."""
        put = self._put(path, value, lease)
        return SealedOperation(self, (put, *self._history(path, value, author, cause)))

    def delete(self, path: Path, *, author: str = "system", cause: Cause = UNSAID) -> SealedOperation:
        delete = Delete(keys.key(self.scope, path))
        return SealedOperation(self, (delete, *self._history(path, None, author, cause)))

    def read(self, path: Path) -> SealedOperation:
        """For a transaction that only compares: with an operation it is judged at the newest revision, without any
        etcd judges it by what one member knows, however old.
        """
        return SealedOperation(self, (Get(keys.key(self.scope, path)),))

    def absent(self, path: Path) -> Condition:
        return Condition(CreateRevision(keys.key(self.scope, path), 0))

    def present(self, path: Path) -> Condition:
        return Condition(Exists(keys.key(self.scope, path)))

    def unchanged(self, record: Record) -> Condition:
        """Nobody wrote or deleted the record since it was read."""
        self._check_own(record)
        return Condition(ModRevision(keys.key(self.scope, record.path), record.mod_revision))

    def created_at(self, path: Path, create_revision: int) -> Condition:
        """The record is still the one that was created then, whatever was written to it since."""
        return Condition(CreateRevision(keys.key(self.scope, path), create_revision))

    async def get(self, path: Path) -> Record | None:
        """From the grid itself. Raises GridUnavailable, SealBroken."""
        item = await self._grid.get(keys.key(self.scope, path))
        return None if item is None else self.open(item)

    async def list(self, *prefix: str) -> list[Record]:
        """All records below `prefix`, in order, from the grid itself. Raises GridUnavailable, SealBroken."""
        snapshot = await self._grid.range(keys.key(self.scope, prefix) + "/")
        return [self.open(item) for item in snapshot.items]

    async def pages(self, *prefix: str) -> AsyncIterator[Sequence[Record]]:
        """`list` in parts, for readers of very many. Also raises Compacted: begin again."""
        async with contextlib.aclosing(self._grid.pages(keys.key(self.scope, prefix) + "/")) as pages:
            async for page in pages:
                yield [self.open(item) for item in page.items]

    def open(self, item: KeyValue) -> Record:
        """Raises SealBroken; ValueError for a key of another scope."""
        place = keys.parse(item.key)
        if place is None or place[0] != self.scope:
            raise ValueError(f"{item.key} is not of scope {self.scope}")
        return self.open_at(place[1], item)

    def open_at(self, path: Path, item: KeyValue) -> Record:
        """`open` for whoever has parsed the key already. Raises SealBroken."""
        plain = self._seal.open(item.key, item.value)
        return Record(self.scope, path, plain, item.create_revision, item.mod_revision, item.lease)

    def _opened(
        self, deleted: Mapping[str, KeyValue | None], operations: Sequence[Operation]
    ) -> Iterator[Record]:
        """Of what these operations deleted, all that opens."""
        for operation in operations:
            item = deleted.get(operation.key)
            if item is not None:
                try:
                    yield self.open(item)
                except SealBroken as exc:
                    log.error("a deleted record is not answered: %s", exc)

    def _put(self, path: Path, value: dict[str, Any], lease: int = 0) -> Put:
        key = keys.key(self.scope, path)
        return Put(key, self._seal.seal(key, _plain(value)), lease)

    def _history(
        self, path: Path, value: dict[str, Any] | None, author: str, cause: Cause
    ) -> tuple[Put, ...]:
        if path[0] not in keys.HISTORY_KINDS:
            return ()
        now = self._clock.now()
        stamp = f"{int(now * 1000):013d}-{secrets.token_hex(4)}"
        entry = {"value": value, "author": author, "time": now, **cause.to_json()}
        return (self._put((keys.HISTORY, *path, stamp), entry),)

    def _check_own(self, record: Record) -> None:
        if record.scope != self.scope:
            raise ValueError(f"a record of scope {record.scope} in scope {self.scope}")


class SiteStore(Scope):
    """Records of the site: tenants, keys, machines, liveness, slots."""


class TenantStore(Scope):
    """Records of one tenant. Got from `Stores.tenant` with an id that a verified credential named."""

    def take(self, seal: Seal) -> None:
        self._seal = seal


class Stores:
    """All scopes of one grid. `grid` itself is for leases."""

    def __init__(self, grid: Grid, site_key: SiteKey, clock: Clock | None = None) -> None:
        self.grid = grid
        self.clock: Clock = clock or SystemClock()
        self.site = SiteStore(grid, keys.SITE, Seal(site_key.derive("site")), self.clock)
        self._tenants: dict[str, TenantStore] = {}
        self._learned: dict[str, Record] = {}
        """The record of the data key by which each was made."""

    async def tenant(self, tenant_id: str) -> TenantStore:
        """Raises Refused("not_found"); GridUnavailable the first time."""
        store = self._tenants.get(tenant_id)
        if store is None:
            path = _data_key_path(tenant_id)
            record = await self.site.get(path) if path is not None else None
            if record is None:
                raise Refused("not_found")
            store = self._learn(tenant_id, record)
        return store

    def found_tenant(self, tenant_id: str) -> tuple[TenantStore, SealedOperation]:
        """The store of a tenant to be, and the put of its data key, to be committed with its record."""
        path = _data_key_path(tenant_id)
        if path is None:
            raise keys.InvalidPath(f"not a tenant id: {tenant_id!r}")
        raw_key = secrets.token_bytes(KEY_BYTES)
        store = TenantStore(self.grid, tenant_id, Seal(raw_key), self.clock)
        return store, self.site.put(path, {"data_key": base64.b64encode(raw_key).decode()})

    async def commit(
        self, *operations: SealedOperation, conditions: Sequence[Condition] = ()
    ) -> CommitResult:
        """All operations in one transaction if every condition holds, else none.

        Raises GridUnavailable (the outcome is unknown: send the same again), InvalidTransaction, LeaseGone.
        """
        result = await self.grid.txn(
            [condition._compare for condition in conditions],
            [part for operation in operations for part in operation._operations],
        )
        deleted = [
            record
            for operation in operations
            for record in operation._scope._opened(result.deleted, operation._operations)
        ]
        return CommitResult(
            result.succeeded, result.revision, {(record.scope, record.path): record for record in deleted}
        )

    def open(self, item: KeyValue) -> Record | None:
        """The record of any scope whose data key is known; None, logged, when it does not open.

        Opening a tenant's data key makes that tenant known: `snapshot` opens those first.
        """
        place = keys.parse(item.key)
        if place is None:
            log.error("a key that no scope wrote is ignored: %s", item.key)
            return None
        return self.open_at(*place, item)

    def open_at(self, scope: str, path: Path, item: KeyValue) -> Record | None:
        """`open` for whoever has parsed the key already."""
        store = self.site if scope == keys.SITE else self._tenants.get(scope)
        try:
            if store is None:
                raise SealBroken(f"{item.key} is of a tenant without a data key")
            record = store.open_at(path, item)
        except SealBroken as exc:
            log.error("a record is ignored: %s", exc)
            return None
        if is_data_key(item.key):
            self._learn(path[-1], record)
        return record

    def forget(self, tenant_id: str) -> None:
        """Its data key was destroyed: nothing of it is written or opened any more."""
        self._tenants.pop(tenant_id, None)
        self._learned.pop(tenant_id, None)

    async def erase(self, tenant_id: str) -> int:
        """Delete whatever lies in a tenant's scope, unopened: how many records. Raises GridUnavailable."""
        if tenant_id == keys.SITE:
            raise keys.InvalidPath("the site is no tenant")
        erased = 0
        while found := await self._first_keys(keys.prefix(tenant_id)):
            for start in range(0, len(found), MAXIMUM_OPERATIONS):
                batch = found[start : start + MAXIMUM_OPERATIONS]
                await self.grid.txn([], [Delete(key) for key in batch])
            erased += len(found)
        return erased

    async def _first_keys(self, prefix: str) -> list[str]:
        """One page of them: a tenant may have hundreds of thousands."""
        async with contextlib.aclosing(self.grid.pages(prefix)) as pages:
            return [item.key for item in (await anext(pages)).items]

    def _learn(self, tenant_id: str, record: Record) -> TenantStore:
        """The newest record counts: a data key may change while its tenant lives (`broker.tenants.data_keys`)."""
        store, known = self._tenants.get(tenant_id), self._learned.get(tenant_id)
        if store is None:
            store = self._tenants[tenant_id] = TenantStore(
                self.grid, tenant_id, tenant_seal(record.value), self.clock
            )
        elif known is not None and known.mod_revision < record.mod_revision and known.plain != record.plain:
            store.take(tenant_seal(record.value))
        if known is None or known.mod_revision < record.mod_revision:
            self._learned[tenant_id] = record
        return store


def tenant_seal(value: Mapping[str, Any]) -> Seal:
    """Of the value of a data key: while it changes, what lies under either key opens."""
    named = [value[name] for name in ("coming", "retiring") if name in value]
    return Seal(base64.b64decode(value["data_key"]), *map(base64.b64decode, named))


_DATA_KEYS = f"{keys.prefix(keys.SITE)}key/tenant/"


def is_data_key(grid_key: str) -> bool:
    """Whether a tenant's data key lies here: to be opened before the tenant's records."""
    return grid_key.startswith(_DATA_KEYS)


def _data_key_path(tenant_id: str) -> Path | None:
    path = ("key", "tenant", tenant_id)
    try:
        keys.prefix(tenant_id)
    except keys.InvalidPath:
        return None
    return path if tenant_id != keys.SITE else None
