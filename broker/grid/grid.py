"""What the grid is: an ordered map of keys to bytes with revisions, transactions, watches and leases.

Two stores implement `Grid`: `embedded.EmbeddedGrid` (one broker, SQLite) and `etcd.grid.EtcdGrid`. They keep to the
part of etcd's semantics that is written here, and one contract suite runs against each. The grid knows keys
and bytes, never models; `scopes` is the only caller that services use.

Revisions count from 1 and grow by one with every transaction that changes something; transactions that were under way
at the same moment and touch nothing of each other may share one. There are no reads of the past: `range` and `txn` see
the newest revision, `watch` resumes from any revision not yet compacted.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

PAGE_SIZE = 1000
MAXIMUM_VALUE_BYTES = 1_500_000
"""Of all keys and values of one transaction together (etcd's default limit of a request is 1.5 MiB)."""
MAXIMUM_OPERATIONS = 128
"""Of compares, of `then` and of `otherwise`, each (etcd's default `--max-txn-ops`)."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    lease: int = 0  # 0: bound to no lease


@dataclass(frozen=True, slots=True)
class CreateRevision:
    """True when the key was created at exactly this revision; 0 means that the key is absent."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class ModRevision:
    """True when the key was last written at exactly this revision; 0 means that the key is absent."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Exists:
    key: str


Compare = CreateRevision | ModRevision | Exists


@dataclass(frozen=True, slots=True)
class Put:
    key: str
    value: bytes = field(repr=False)
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes the key and returns what it held (`TxnResult.deleted`); an absent key is no error."""

    key: str


@dataclass(frozen=True, slots=True)
class Get:
    key: str


Operation = Put | Delete | Get


@dataclass(frozen=True, slots=True)
class TxnResult:
    succeeded: bool
    revision: int
    """The grid's revision after the transaction: its own one if it changed something."""
    values: dict[str, KeyValue | None]
    """Of each `Get` in the branch that ran."""
    deleted: dict[str, KeyValue | None]
    """Of each `Delete` in the branch that ran."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    revision: int
    items: tuple[KeyValue, ...]  # ordered by key


@dataclass(frozen=True, slots=True)
class PutEvent:
    item: KeyValue


@dataclass(frozen=True, slots=True)
class DeleteEvent:
    key: str
    revision: int


Event = PutEvent | DeleteEvent


@dataclass(frozen=True, slots=True)
class Changes:
    """All events of one or more whole revisions under the watched prefix, in order."""

    revision: int
    """Everything up to and including this revision has been delivered. May come with no events (progress)."""
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Lease:
    id: int
    ttl_seconds: float


@dataclass(frozen=True, slots=True)
class Member:
    """One process of the store, as it was when asked. `trouble`: what is wrong with it, empty when nothing is."""

    name: str
    endpoint: str
    version: str = ""
    is_leader: bool = False
    healthy: bool = False
    raft_index: int = 0
    raft_term: int = 0
    database_bytes: int = 0
    quota_bytes: int = 0
    """0: not known, or without limit."""
    alarms: tuple[str, ...] = ()
    trouble: str = ""


class GridError(Exception):
    """Base of what a store may raise. `code`: a key of portcullis.errors.CODES."""

    code = "grid_unavailable"


class GridUnavailable(GridError):
    """The store cannot be reached or cannot commit now. The outcome of a `txn` that raised it is unknown."""

    is_final = False
    """Whether the store has sent the same again itself until its time was over, or knows that it would not help."""


class Compacted(GridError):
    """The revision asked for by `watch` is gone: take a new snapshot."""


class LeaseGone(GridError):
    """The lease has expired or was revoked; its keys are deleted."""


class InvalidTransaction(GridError):
    """Too many operations, a key twice in one branch, or too many bytes. Nothing was changed."""


class Grid(Protocol):
    """The contract of a store. All methods may raise GridUnavailable; an empty key or prefix is a ValueError.

    A call that is cancelled after it was sent may still take effect, whole.
    """

    async def range(self, prefix: str) -> Snapshot:
        """Every key that starts with `prefix`, in pages of PAGE_SIZE, all at one revision."""
        ...

    def pages(self, prefix: str) -> AsyncGenerator[Snapshot, None]:
        """`range` in parts of at most PAGE_SIZE keys, all of one revision: for readers of hundreds of thousands of
        keys, who need not hold them all. At least one part, which may be empty. Also raises Compacted, when it
        took too long: begin again.
        """
        ...

    async def get(self, key: str) -> KeyValue | None: ...

    async def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation] = (),
    ) -> TxnResult:
        """Run `then` if every compare is true, else `otherwise`, atomically and durably before it returns.

        Raises InvalidTransaction; LeaseGone when a Put names an unknown lease.
        """
        ...

    def watch(self, prefix: str, from_revision: int) -> AsyncGenerator[Changes, None]:
        """Changes under `prefix` from `from_revision` (inclusive, at least 1) on, for ever.

        Events are delivered only after they are durable. Raises Compacted. Closing the generator ends the
        watch. `from_revision` may lie ahead of the grid's revision.
        """
        ...

    async def lease(self, ttl_seconds: float) -> Lease: ...

    async def keep_alive(self, lease: int) -> None:
        """Give the lease its full time again. Raises LeaseGone."""
        ...

    async def lease_seconds(self, lease: int) -> float:
        """The time to live that the lease was made with. Raises LeaseGone."""
        ...

    async def revoke(self, lease: int) -> None:
        """End the lease and delete its keys. An unknown lease is no error."""
        ...

    async def compact(self, revision: int) -> None:
        """Forget events up to and including `revision`: a watch from there raises Compacted. A revision that was
        compacted already is no error.
        """
        ...

    async def members(self) -> tuple[Member, ...]:
        """Every member that this client was told of, those that do not answer included."""
        ...

    async def until_failed(self) -> str:
        """Wait for a failure that only a restart of this process can mend; the reason."""
        ...

    async def close(self) -> None: ...


def check_transaction(
    compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation]
) -> None:
    """What every store refuses unsent. Raises InvalidTransaction, and ValueError for an empty key."""
    if max(len(compares), len(then), len(otherwise)) > MAXIMUM_OPERATIONS:
        raise InvalidTransaction(f"more than {MAXIMUM_OPERATIONS} compares or operations")
    check_key(*(compare.key for compare in compares))
    size = 0
    for branch in (then, otherwise):
        keys = [operation.key for operation in branch]
        check_key(*keys)
        if len(set(keys)) != len(keys):
            raise InvalidTransaction("a key twice in one branch")
        size += size_of(branch)
    if size > MAXIMUM_VALUE_BYTES:
        raise InvalidTransaction(f"{size} bytes, of at most {MAXIMUM_VALUE_BYTES}")


def check_key(*keys: str) -> None:
    """An empty key would be the open range, a NUL its end in etcd."""
    for key in keys:
        if not key or "\0" in key:
            raise ValueError(f"not a key: {key!r}")


def size_of(branch: Iterable[Operation]) -> int:
    """Bytes of keys and values, as MAXIMUM_VALUE_BYTES counts them."""
    return sum(
        len(operation.key.encode()) + (len(operation.value) if isinstance(operation, Put) else 0)
        for operation in branch
    )
