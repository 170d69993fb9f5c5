"""Policies of a tenant: one record for each object that has one (docs/policies.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from broker.grid.keys import Path
from broker.grid.scopes import Record, Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.repositories.policy_index import policy_path
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.model.policy import LevelKind, Policy


@dataclass(frozen=True, slots=True)
class Kept:
    """`revision` is that of the last change; 0: there is no record."""

    policy: Policy
    revision: int


def policy_change(store: Scope, path: Path, policy: Policy, author: str) -> SealedOperation:
    """What makes the object's policy this one. An empty one has no record."""
    return (
        store.delete(path, author=author)
        if policy.is_empty
        else store.put(path, policy.to_json(), author=author)
    )


def policy_deletions(
    store: Scope, snapshot: Snapshot, level: LevelKind, object_id: str, author: str
) -> list[SealedOperation]:
    """For the transaction that deletes the object."""
    path = policy_path(level, object_id)
    return [store.delete(path, author=author)] if snapshot.get(store.scope, path) else []


class Policies:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def get(self, tenant_id: str, level: LevelKind, object_id: str) -> Kept:
        record = self._record(tenant_id, level, object_id)
        if record is None:
            return Kept(Policy(), 0)
        return Kept(Policy.from_json(record.value), record.mod_revision)

    def all(self, tenant_id: str) -> Iterator[tuple[LevelKind, str, Kept]]:
        """Level, id of the object, policy; in no particular order. The object may be gone."""
        for record in self._snapshot.list(tenant_id, "policy"):
            kept = Kept(Policy.from_json(record.value), record.mod_revision)
            yield record.path[1], record.path[2], kept  # type: ignore[misc]

    async def put(
        self,
        tenant_id: str,
        level: LevelKind,
        object_id: str,
        policy: Policy,
        author: str,
        revision: int | None = None,
    ) -> int:
        """Answers with the grid's revision. `revision`: the one that was read and is to be replaced.

        Raises Refused("changed_meanwhile"), Unavailable.
        """
        store = await self._stores.tenant(tenant_id)
        path = policy_path(level, object_id)
        record = self._record(tenant_id, level, object_id)
        if revision is not None and revision != (record.mod_revision if record else 0):
            raise Refused("changed_meanwhile")
        if policy == (Policy.from_json(record.value) if record else Policy()):
            return self._snapshot.revision
        condition = store.unchanged(record) if record else store.absent(path)
        result = await commit(
            self._stores, policy_change(store, path, policy, author), conditions=[condition]
        )
        await self._snapshot.until(result.revision)
        if not result.succeeded and self.get(tenant_id, level, object_id).policy != policy:
            raise Refused("changed_meanwhile")
        return result.revision

    def _record(self, tenant_id: str, level: LevelKind, object_id: str) -> Record | None:
        return self._snapshot.get(tenant_id, policy_path(level, object_id))
