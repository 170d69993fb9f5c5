"""A site as `init` makes it, in any grid, with a little of everything in it; what backups and moves are tried on."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from broker.backup import archive
from broker.backup.archive import Backup, BackupInfo
from broker.backup.kept import kept
from broker.grid import keys
from broker.grid.grid import Grid, KeyValue
from broker.grid.scopes import Record, Stores
from broker.grid.seal import SiteKey
from broker.initialise import InitialSecrets, initialise
from broker.repositories.users import user_creation
from portcullis.clock import SystemClock
from portcullis.ids import new_id
from portcullis.model.host import Host
from portcullis.model.session import Display, Session
from portcullis.model.tenant import Site
from portcullis.model.user import Login, User


class Founded:
    """`found` first."""

    secrets: InitialSecrets

    def __init__(self, grid: Grid, key: SiteKey) -> None:
        self.grid = grid
        self.key = key
        self.stores = Stores(grid, key)
        self.host = Host(new_id(), "h1", 4, frozenset())

    async def found(self, folder: Path) -> None:
        self.secrets = await initialise(
            self.grid,
            self.key,
            site_name="lab",
            tenant_name="acme",
            administrator="admin",
            user="demo",
            public_origin="http://localhost:8080",
            secrets_file=folder / "secrets.json",
        )
        await self.put("site", ("host", self.host.id), self.host.to_json())

    @property
    def tenant(self) -> str:
        return self.secrets.tenant_id

    async def put(self, scope: str, path: tuple[str, ...], value: dict[str, Any], lease: int = 0) -> None:
        store = self.stores.site if scope == "site" else await self.stores.tenant(scope)
        assert (await self.stores.commit(store.put(path, value, lease=lease))).succeeded

    async def add_user(self, name: str) -> User:
        user = User(new_id(), name, password_hash="$argon2id$" + name, totp_secret="A" * 32)
        operations, conditions = user_creation(await self.stores.tenant(self.tenant), user)
        assert (await self.stores.commit(*operations, conditions=conditions)).succeeded
        return user

    async def add_what_passes(self) -> tuple[Session, Login]:
        """A login on a lease, and a session with its slot."""
        now = SystemClock().now()
        login = Login(
            hashlib.sha256(b"login").hexdigest(), self.tenant, "b" * 16, b"\4" + bytes(64), now, now + 60
        )
        lease = await self.grid.lease(3600)
        await self.put(self.tenant, ("login", login.hash), login.to_json(), lease.id)
        session = Session(
            *(new_id(), self.tenant, "b" * 16, "demo", "c" * 16, "Editor", ("xterm",), {}),
            *(self.host.id, "h1", 0, Display(), "L-1", now),
        )
        await self.put(self.tenant, ("session", session.id), session.to_json())
        await self.put("site", ("slot", self.host.id, "0"), {"tenant": self.tenant, "session": session.id})
        return session, login

    async def backup(self) -> Backup:
        """Through the file."""
        snapshot = await self.grid.range(keys.ROOT)
        site = await site_of(self.stores)
        items = kept(snapshot.items)
        info = BackupInfo(
            *(site.id, site.name, site.schema, site.epoch),
            *(snapshot.revision, SystemClock().now(), "0", len(items)),
        )
        file = io.BytesIO()
        archive.write(Backup(info, items), self.key, file)
        return archive.read(file, self.key)


async def site_of(stores: Stores) -> Site:
    record = await stores.site.get(("meta",))
    assert record is not None
    return Site.from_json(record.value)


async def records_of(grid: Grid, key: SiteKey) -> dict[str, Any]:
    """Everything that opens, by its key."""
    stores = Stores(grid, key)
    items = (await grid.range(keys.ROOT)).items
    for item in items:
        if "/key/tenant/" in item.key:
            stores.open(item)
    opened: Iterable[tuple[KeyValue, Record | None]] = ((item, stores.open(item)) for item in items)
    return {item.key: None if record is None else record.value for item, record in opened}
