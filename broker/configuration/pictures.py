"""Icons of applications and the tenant's logo, as a change of configuration brings and leaves them.

Pictures are named by their content. What a change shows is kept before the change is written, so that nothing is ever
shown that is not there; what nothing shows any more is let go of afterwards. One that is sent ahead waits an hour.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

from broker.configuration.changes import Change
from broker.configuration.objects import Held
from broker.grid.grid import GridUnavailable
from broker.grid.keys import Path
from broker.grid.scopes import SealedOperation, Stores, TenantStore
from broker.repositories.applications import Applications
from broker.repositories.committing import commit
from broker.repositories.icons import Icon, icon_path, logo_path
from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, Unavailable

WAITING_SECONDS = 3600
AT_ONCE = 20
"""Of one transaction: each is 44 KB."""


class Pictures:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._applications = Applications(stores, snapshot)

    async def send_ahead(self, tenant_id: str, icon: Icon) -> None:
        """Kept for an hour, unless it is there already. Raises Unavailable."""
        store = await self._stores.tenant(tenant_id)
        try:
            lease = await self._stores.grid.lease(WAITING_SECONDS)
        except GridUnavailable as exc:
            raise Unavailable() from exc
        path = icon_path(icon.hash)
        put = store.put(path, _value(icon), lease=lease.id)
        result = await commit(self._stores, put, conditions=[store.absent(path)])
        if not result.succeeded:
            await self._stores.grid.revoke(lease.id)

    async def keep(self, tenant_id: str, changes: Iterable[Change], sent: Mapping[str, Icon]) -> None:
        """What the changes show. Raises InvalidInput for a picture that nobody sent; Unavailable."""
        store = await self._stores.tenant(tenant_id)
        puts: list[SealedOperation] = []
        for path, where in dict(_shown_anew(changes)).items():
            value = _value(sent[path[1]]) if path[1] in sent else await self._waiting(store, path, where)
            if value:
                puts.append(store.put(path, value))
        for start in range(0, len(puts), AT_ONCE):
            await commit(self._stores, *puts[start : start + AT_ONCE])

    async def gone(self, tenant_id: str, held: Iterable[Held]) -> set[str]:
        """Pictures that these show and that are not kept any more."""
        store = await self._stores.tenant(tenant_id)
        paths = {path for each in held if (path := picture_of(each)) is not None}
        return {path[1] for path in sorted(paths) if await store.get(path) is None}

    async def _waiting(self, store: TenantStore, path: Path, where: str) -> dict[str, str] | None:
        """The value to put for good; None where it is kept already."""
        record = await store.get(path)
        if record is not None and not record.lease:
            return None
        record = record or await store.get(icon_path(path[1]))
        if record is None:
            raise InvalidInput(where, "a picture that was sent before (within the hour), or its content")
        return dict(record.value)

    async def let_go(self, tenant_id: str, changes: Iterable[Change]) -> None:
        """Of icons that the changes took away and no application shows. Raises Unavailable."""
        gone = {
            change.before.fields["icon"]
            for change in changes
            if change.kind == "application" and change.before and change.before.fields["icon"]
        }
        if not gone:
            return
        store = await self._stores.tenant(tenant_id)
        for icon in sorted(gone - self._in_use(tenant_id)):
            record = await store.get(icon_path(icon))
            if record is None or not await self._snapshot.until(record.mod_revision):
                continue
            if icon not in self._in_use(tenant_id):
                delete = store.delete(record.path)
                await commit(self._stores, delete, conditions=[store.unchanged(record)])

    def _in_use(self, tenant_id: str) -> set[str]:
        return {application.icon for application in self._applications.list(tenant_id) if application.icon}


def picture_of(held: Held) -> Path | None:
    """Where the picture lies that an application or the tenant shows."""
    if held.kind == "application" and held.fields["icon"]:
        return icon_path(held.fields["icon"])
    if held.kind == "tenant" and held.fields["theme"]["logo"]:
        return logo_path(held.fields["theme"]["logo"])
    return None


def _shown_anew(changes: Iterable[Change]) -> Sequence[tuple[Path, str]]:
    """Where each picture shall lie, and whose it is."""
    found: list[tuple[Path, str]] = []
    for change in changes:
        path = picture_of(change.after) if change.after else None
        if path is None or (change.before and picture_of(change.before) == path):
            continue
        place = f"documents[{change.document}]" if change.document is not None else change.name
        found.append((path, f"{place}.{'icon' if change.kind == 'application' else 'theme.logo'}"))
    return found


def _value(icon: Icon) -> dict[str, str]:
    return {"content_type": icon.content_type, "data": base64.b64encode(icon.data).decode()}
