"""Entries: the right of a platform administrator to act in a tenant that is not their own, for a while.

The record lies in the entered tenant's scope, bound to a lease, so that it ends by itself; its own time counts as well,
for a lease may outlive it by seconds. It is in the tenant's sight, and what is done under it stands in its history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import Unavailable

LONGEST_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Entry:
    tenant_id: str
    user_id: str
    user_name: str
    reason: str
    created: float
    until: float

    def to_json(self) -> dict[str, Any]:
        return {
            "user_id": self.user_id,
            "user_name": self.user_name,
            "reason": self.reason,
            "created": self.created,
            "until": self.until,
        }

    @classmethod
    def from_json(cls, tenant_id: str, data: dict[str, Any]) -> Entry:
        return cls(
            tenant_id,
            data["user_id"],
            data.get("user_name", ""),
            data.get("reason", ""),
            data.get("created", 0.0),
            data["until"],
        )


class Entries:
    def __init__(self, stores: Stores, snapshot: Snapshot, clock: Clock) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._clock = clock

    def of(self, tenant_id: str, user_id: str) -> Entry | None:
        """The living entry of this user into this tenant."""
        record = self._snapshot.get(tenant_id, _path(user_id))
        entry = Entry.from_json(tenant_id, record.value) if record else None
        return entry if entry is not None and entry.until > self._clock.now() else None

    def list(self, tenant_id: str) -> list[Entry]:
        """The living ones, the latest to end first."""
        found = [
            Entry.from_json(tenant_id, record.value) for record in self._snapshot.list(tenant_id, "entry")
        ]
        living = [entry for entry in found if entry.until > self._clock.now()]
        return sorted(living, key=lambda entry: -entry.until)

    async def open(
        self, tenant_id: str, user_id: str, user_name: str, reason: str, minutes: int
    ) -> tuple[Entry, int]:
        """In place of an earlier one of the user. Answers also the grid's revision. Raises Refused("not_found"),
        Unavailable.
        """
        store = await self._stores.tenant(tenant_id)
        now = self._clock.now()
        entry = Entry(tenant_id, user_id, user_name, reason, now, now + minutes * 60)
        try:
            lease = await self._stores.grid.lease(minutes * 60)
        except GridUnavailable as exc:
            raise Unavailable() from exc
        put = store.put(_path(user_id), entry.to_json(), lease=lease.id)
        result = await commit(self._stores, put)
        await self._snapshot.until(result.revision)
        return entry, result.revision

    async def close(self, tenant_id: str, user_id: str) -> int:
        """Also where there is none. Raises Refused("not_found"), Unavailable."""
        store = await self._stores.tenant(tenant_id)
        result = await commit(self._stores, store.delete(_path(user_id)))
        await self._snapshot.until(result.revision)
        return result.revision


def _path(user_id: str) -> tuple[str, str]:
    return ("entry", user_id)
