"""Icons and logos by the SHA-256 of their bytes: sealed, per tenant, outside the snapshot."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from broker.grid.scopes import Path, Scope, SealedOperation, Stores
from broker.repositories.committing import commit


@dataclass(frozen=True, slots=True)
class Icon:
    content_type: str
    data: bytes = field(repr=False)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def icon_path(icon_hash: str) -> Path:
    return ("icon", icon_hash)


def logo_path(logo_hash: str) -> Path:
    """Not among the icons: those go with the last application that shows them."""
    return ("logo", logo_hash)


def icon_creation(store: Scope, icon: Icon, author: str) -> SealedOperation:
    value = {"content_type": icon.content_type, "data": base64.b64encode(icon.data).decode()}
    return store.put(icon_path(icon.hash), value, author=author)


class Icons:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def get(self, tenant_id: str, icon_hash: str) -> Icon | None:
        return await self._get(tenant_id, icon_path(icon_hash))

    async def logo(self, tenant_id: str, logo_hash: str) -> Icon | None:
        """The tenant's own picture."""
        return await self._get(tenant_id, logo_path(logo_hash))

    async def put_logo(self, tenant_id: str, logo: Icon, author: str) -> None:
        """Raises Refused("not_found"), Unavailable."""
        store = await self._stores.tenant(tenant_id)
        value = {"content_type": logo.content_type, "data": base64.b64encode(logo.data).decode()}
        await commit(self._stores, store.put(logo_path(logo.hash), value, author=author))

    async def drop_logo(self, tenant_id: str, logo_hash: str) -> None:
        """That no theme shows any more. Raises Refused("not_found"), Unavailable."""
        store = await self._stores.tenant(tenant_id)
        await commit(self._stores, store.delete(logo_path(logo_hash)))

    async def _get(self, tenant_id: str, path: Path) -> Icon | None:
        store = await self._stores.tenant(tenant_id)
        record = await store.get(path)
        if record is None:
            return None
        return Icon(record.value["content_type"], base64.b64decode(record.value["data"]))
