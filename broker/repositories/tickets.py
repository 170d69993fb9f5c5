"""Tickets in the grid: bound to a lease of 20 s, redeemed by deleting them. Not in the snapshot."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from broker.grid.scopes import Record, Stores, TenantStore
from broker.repositories.committing import commit
from portcullis.ids import BearerSecret
from portcullis.model.user import Login
from portcullis.tickets import TICKET_LIFETIME_SECONDS


@dataclass(frozen=True, slots=True)
class Ticket:
    """One-time right of a login to attach to a session."""

    session: str
    login: str
    user: str
    client_key: bytes = field(repr=False)
    address: str = ""
    """From where it was asked for; empty: a broker of before issued it."""

    def to_json(self) -> dict[str, Any]:
        return {
            "session": self.session,
            "login": self.login,
            "user": self.user,
            "client_key": base64.b64encode(self.client_key).decode(),
            "address": self.address,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ticket:
        return cls(
            data["session"],
            data["login"],
            data["user"],
            base64.b64decode(data["client_key"]),
            data.get("address", ""),
        )


class Tickets:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def issue(self, secret: BearerSecret, login: Login, session_id: str, address: str = "") -> None:
        tenant = await self._stores.tenant(secret.scope)
        lease = await self._stores.grid.lease(TICKET_LIFETIME_SECONDS)
        ticket = Ticket(session_id, login.hash, login.user_id, login.client_key, address)
        await commit(self._stores, tenant.put(ticket_path(secret), ticket.to_json(), lease=lease.id))

    async def get(self, tenant: TenantStore, secret: BearerSecret) -> Record | None:
        return await tenant.get(ticket_path(secret))


def ticket_path(secret: BearerSecret) -> tuple[str, ...]:
    return ("ticket", secret.hash)
