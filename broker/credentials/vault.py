"""Credentials that users keep for RDP servers, sealed with their tenant's data key as every record is.

One record a user, which is read when somebody signs in with it and never stands in memory otherwise (`grid.keys`); it
has no history, no export, and no route answers what it holds. What was kept for one server is not given to another:
whoever changes where an application leads gets no passwords by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Record, Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.model.rdp import Entered, RdpTarget

KIND = "vault"
MOST = 64
"""Applications that one user keeps credentials of."""
_ATTEMPTS = 5

Items = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What may be shown of kept credentials."""

    application_id: str
    user_name: str
    """Empty where the application makes it."""
    saved: float
    destination: str


class Vault:
    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    async def list(self, tenant_id: str, user_id: str) -> list[Kept]:
        """Raises Unavailable."""
        _, record = await self._read(tenant_id, user_id)
        return [
            Kept(name, item["user_name"], item["saved"], item["destination"])
            for name, item in sorted(_items(record).items())
        ]

    async def holds(self, tenant_id: str, user_id: str, application_id: str, target: RdpTarget) -> bool:
        """Raises Unavailable."""
        return await self.get(tenant_id, user_id, application_id, target) is not None

    async def get(
        self, tenant_id: str, user_id: str, application_id: str, target: RdpTarget
    ) -> Entered | None:
        """None where there are none, or they were kept for another server. Raises Unavailable."""
        _, record = await self._read(tenant_id, user_id)
        item = _items(record).get(application_id)
        if item is None or item["destination"] != target.destination:
            return None
        if target.asks_for_name and not item["user_name"]:
            return None
        return Entered(item["user_name"], item["password"])

    async def keep(
        self,
        tenant_id: str,
        user_id: str,
        application_id: str,
        target: RdpTarget,
        entered: Entered,
        is_there: Callable[[str], bool],
    ) -> int:
        """In place of what was kept; that of applications that are not there any more goes. Answers with the grid's
        revision. Raises Refused: quota_user, changed_meanwhile; Unavailable.
        """
        item = {
            "user_name": entered.user_name if target.asks_for_name else "",
            "password": entered.password,
            "destination": target.destination,
            "saved": self._clock.now(),
        }

        def change(items: Mapping[str, dict[str, Any]]) -> Items:
            left = {name: each for name, each in items.items() if name != application_id and is_there(name)}
            if len(left) >= MOST:
                raise Refused("quota_user", f"At most {MOST} passwords can be kept. Forget some first.")
            return {**left, application_id: item}

        return await self._change(tenant_id, user_id, change)

    async def forget(self, tenant_id: str, user_id: str, application_id: str) -> int:
        """Raises Refused: not_found, changed_meanwhile; Unavailable."""

        def change(items: Mapping[str, dict[str, Any]]) -> Items:
            if application_id not in items:
                raise Refused("not_found")
            return {name: each for name, each in items.items() if name != application_id}

        return await self._change(tenant_id, user_id, change)

    async def _change(
        self, tenant_id: str, user_id: str, change: Callable[[Mapping[str, dict[str, Any]]], Items]
    ) -> int:
        for _ in range(_ATTEMPTS):
            store, record = await self._read(tenant_id, user_id)
            items = change(_items(record))
            path = (KIND, user_id)
            write = store.put(path, {"items": items}) if items else store.delete(path)
            unchanged = store.unchanged(record) if record else store.absent(path)
            # Of a user who is deleted at this moment nothing is left behind.
            result = await commit(
                self._stores, write, conditions=[unchanged, store.present(("user", user_id))]
            )
            if result.succeeded:
                return result.revision
        raise Refused("changed_meanwhile")

    async def _read(self, tenant_id: str, user_id: str) -> tuple[Scope, Record | None]:
        try:
            store = await self._stores.tenant(tenant_id)
            return store, await store.get((KIND, user_id))
        except GridUnavailable as exc:
            raise Unavailable() from exc


def vault_deletion(store: Scope, user_id: str) -> SealedOperation:
    """All that a user keeps: for a user who goes, or whose account somebody else sets up anew."""
    return store.delete((KIND, user_id))


def _items(record: Record | None) -> Items:
    return {} if record is None else dict(record.value["items"])
