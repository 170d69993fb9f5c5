"""Icons by the SHA-256 of their bytes: sealed, per tenant, outside the snapshot."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from broker.grid.scopes import Path, Scope, SealedOperation, Stores


@dataclass(frozen=True, slots=True)
class Icon:
    content_type: str
    data: bytes = field(repr=False)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def icon_path(icon_hash: str) -> Path:
    return ("icon", icon_hash)


def icon_creation(store: Scope, icon: Icon, author: str) -> SealedOperation:
    value = {"content_type": icon.content_type, "data": base64.b64encode(icon.data).decode()}
    return store.put(icon_path(icon.hash), value, author=author)


class Icons:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def get(self, tenant_id: str, icon_hash: str) -> Icon | None:
        store = await self._stores.tenant(tenant_id)
        record = await store.get(icon_path(icon_hash))
        if record is None:
            return None
        return Icon(record.value["content_type"], base64.b64decode(record.value["data"]))
