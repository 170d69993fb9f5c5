"""Published applications of a tenant, by id and by a name that is unique whatever its case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from broker.grid.scopes import Condition, Record, Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.repositories.icons import Icon, icon_creation, icon_path
from broker.repositories.policies import policy_deletions
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.ids import name_hash, new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.desktops import DesktopTarget
from portcullis.model.rdp import RdpTarget
from portcullis.model.wine import WineProgram

Outcome = Literal["created", "changed", "unchanged"]
Operations = list[SealedOperation]
Conditions = list[Condition]

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Publication:
    """What an application shall be. `icon`: a new one, None for none, or "keep" for the one it has."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    entitlement: Entitlement
    disabled: bool
    icon: Icon | Literal["keep"] | None
    host_groups: frozenset[str] = frozenset()
    minimum_memory_bytes: int = 0
    rdp: RdpTarget | None = None
    wine: WineProgram | None = None
    desktop: DesktopTarget | None = None


@dataclass(frozen=True, slots=True)
class Published:
    application: Application
    outcome: Outcome
    revision: int


class Applications:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def record(self, tenant_id: str, application_id: str) -> Record | None:
        return self._snapshot.get(tenant_id, ("application", application_id))

    def get(self, tenant_id: str, application_id: str) -> Application | None:
        record = self.record(tenant_id, application_id)
        return Application.from_json(record.value) if record else None

    def by_name(self, tenant_id: str, name: str) -> Application | None:
        record = self._named(tenant_id, name)
        return Application.from_json(record.value) if record else None

    def list(self, tenant_id: str) -> list[Application]:
        """By name."""
        records = self._snapshot.list(tenant_id, "application")
        applications = [Application.from_json(record.value) for record in records]
        return sorted(applications, key=lambda application: application.name.casefold())

    def revision(self, tenant_id: str, application_id: str) -> int:
        """Of its last change; 0: there is none."""
        record = self.record(tenant_id, application_id)
        return record.mod_revision if record else 0

    async def publish(
        self, tenant_id: str, publication: Publication, author: str, expected: int | None = None
    ) -> Published:
        """Create it or change it to be as told. `expected`: its revision as it was read, 0 for none. Raises
        Refused("changed_meanwhile") when it is another one by now, or others keep changing it.
        """
        store = await self._stores.tenant(tenant_id)
        for _ in range(_ATTEMPTS):
            existing = self._named(tenant_id, publication.name)
            if expected is not None and expected != (existing.mod_revision if existing else 0):
                raise Refused("changed_meanwhile")
            old = Application.from_json(existing.value) if existing else None
            new = _applied(publication, old)
            if new == old:
                return Published(new, "unchanged", self._snapshot.revision)
            operations, conditions = self._change(store, existing, new, author)
            if isinstance(publication.icon, Icon):
                operations.append(icon_creation(store, publication.icon, author))
            await self._drop_icon(store, tenant_id, old, new, operations, conditions)
            result = await commit(self._stores, *operations, conditions=conditions)
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return Published(new, "changed" if old else "created", result.revision)
        raise Refused("changed_meanwhile")

    async def delete(self, tenant_id: str, name: str, author: str) -> int:
        """Sessions that run it go on. Answers with the grid's revision. Raises Refused: not_found,
        changed_meanwhile.
        """
        store = await self._stores.tenant(tenant_id)
        for _ in range(_ATTEMPTS):
            existing = self._named(tenant_id, name)
            if existing is None:
                raise Refused("not_found", "There is no such application.")
            operations = [
                store.delete(existing.path, author=author),
                store.delete(_index(name)),
                *policy_deletions(store, self._snapshot, "application", existing.path[1], author),
            ]
            conditions = [store.unchanged(existing)]
            old = Application.from_json(existing.value)
            await self._drop_icon(store, tenant_id, old, None, operations, conditions)
            result = await commit(self._stores, *operations, conditions=conditions)
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return result.revision
        raise Refused("changed_meanwhile")

    def _named(self, tenant_id: str, name: str) -> Record | None:
        index = self._snapshot.get(tenant_id, _index(name))
        return self.record(tenant_id, index.value["id"]) if index else None

    def _change(
        self, store: Scope, existing: Record | None, new: Application, author: str
    ) -> tuple[Operations, Conditions]:
        path = ("application", new.id)
        put = store.put(path, new.to_json(), author=author)
        if existing:
            return [put], [store.unchanged(existing)]
        index = _index(new.name)
        return [put, store.put(index, {"id": new.id}, author=author)], [store.absent(index)]

    async def _drop_icon(
        self,
        store: Scope,
        tenant_id: str,
        old: Application | None,
        new: Application | None,
        operations: Operations,
        conditions: Conditions,
    ) -> None:
        """Add the deletion of an icon that nothing shows any more.

        Whoever takes the same icon into use meanwhile puts it again: then the condition fails, and this is
        tried anew.
        """
        icon = old.icon if old else None
        if old is None or icon is None or (new and new.icon == icon):
            return
        if any(other.icon == icon for other in self.list(tenant_id) if other.id != old.id):
            return
        record = await store.get(icon_path(icon))
        if record:
            operations.append(store.delete(record.path))
            conditions.append(store.unchanged(record))


def _index(name: str) -> tuple[str, str]:
    return ("application-name", name_hash(name))


def _applied(publication: Publication, old: Application | None) -> Application:
    if publication.icon == "keep":
        icon = old.icon if old else None
    else:
        icon = publication.icon.hash if isinstance(publication.icon, Icon) else None
    return Application(
        id=old.id if old else new_id(),
        name=publication.name,
        command=publication.command,
        environment=publication.environment,
        entitlement=publication.entitlement,
        icon=icon,
        disabled=publication.disabled,
        host_groups=publication.host_groups,
        minimum_memory_bytes=publication.minimum_memory_bytes,
        rdp=publication.rdp,
        wine=publication.wine,
        desktop=publication.desktop,
    )
