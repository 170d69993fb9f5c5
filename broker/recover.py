"""The way back for an administrator whose factor is lost and whom nobody else can reset.

There is no route for this: it is for who may open the grid with the site key, on the broker's machine, while no
broker runs. It does what an administrator's reset does, and enables the account as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from broker.grid.grid import Grid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.identity.accounts import Accounts, Changes
from broker.repositories.api_tokens import ApiTokens
from broker.repositories.tenants import Tenants, only_or_named
from broker.repositories.users import Users
from broker.schema import check_settled
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import InvalidInput
from portcullis.model.user import User

AUTHOR = "recover-admin"


@dataclass(frozen=True, slots=True)
class Recovered:
    name: str
    link: str = field(repr=False)
    expires: float


async def recover_administrator(
    grid: Grid,
    site_key: SiteKey,
    *,
    tenant_name: str | None,
    name: str | None,
    platform: bool = False,
    clock: Clock | None = None,
) -> Recovered:
    """Reset an administrator and make a link. Where there is one alone, it needs no name. `platform`: they become a
    platform administrator, as whoever holds the site key may decide.

    Raises InvalidInput for an unknown tenant or administrator, Unavailable without a site.
    """
    stores = Stores(grid, site_key, clock)
    await check_settled(stores)
    snapshot = Snapshot(stores)
    await snapshot.start()
    try:
        tenants, users = Tenants(snapshot), Users(stores, snapshot)
        tenant = only_or_named(tenants, tenant_name)
        administrator = _administrator(users.list(tenant.id), name)
        accounts = Accounts(stores, users, ApiTokens(stores, snapshot), stores.clock)
        issued = await accounts.reset(tenant.id, administrator.name, AUTHOR, enable=True)
        await snapshot.until(issued.revision)
        if platform:
            await accounts.change(tenant.id, administrator.name, Changes(platform=True), AUTHOR)
        link = issued.link(tenants.site().public_origins[0])
    finally:
        await snapshot.stop()
    return Recovered(administrator.name, link, issued.user.link_expires)


def become_owner(state: Path) -> None:
    """Go on as the account that the state folder belongs to: what root writes there, the broker could not open.

    Raises OSError.
    """
    owner = state.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def _administrator(users: list[User], name: str | None) -> User:
    administrators = [user for user in users if user.role == "administrator" or user.platform]
    if name is None and len(administrators) == 1:
        return administrators[0]
    found = next((user for user in administrators if user.name.casefold() == (name or "").casefold()), None)
    if found is None:
        known = ", ".join(user.name for user in administrators) or "there is none"
        raise InvalidInput("--name", f"the name of an administrator ({known})")
    return found
