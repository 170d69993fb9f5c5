"""Join tokens: one-time rights to enrol a machine, kept by the hash of their secret under a lease."""

from __future__ import annotations

from collections.abc import Iterable

from broker.grid.scopes import Record, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.repositories.keys import CaKeys
from broker.snapshot import Snapshot
from portcullis.enrolment.join_token import JoinTokenText
from portcullis.errors import Unavailable
from portcullis.ids import BearerSecret, new_secret
from portcullis.model.host import JoinToken, MachineRole

LIFETIME_SECONDS = 15 * 60


def new_join_token(
    role: MachineRole, site_id: str, name: str | None, tenants: Iterable[str], expires: float
) -> tuple[BearerSecret, JoinToken]:
    secret = new_secret("join", site_id)
    return secret, JoinToken(secret.hash, role, name, frozenset(tenants), expires)


def token_creation(stores: Stores, token: JoinToken, lease: int) -> SealedOperation:
    """What creates a token, for a transaction that may hold more."""
    return stores.site.put(path(token.hash), token.to_json(), lease=lease)


def path(token_hash: str) -> tuple[str, ...]:
    return ("join", token_hash)


class JoinTokens:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    async def mint(
        self,
        role: MachineRole,
        *,
        tenants: Iterable[str] = (),
        name: str | None = None,
        lifetime_seconds: float = LIFETIME_SECONDS,
    ) -> tuple[JoinTokenText, JoinToken]:
        """A new token: its text, shown once, and its record. Only one with a name enrols a machine again.

        `tenants` are those whose sessions a host may run. Raises Unavailable, GridUnavailable.
        """
        expires = self._stores.clock.now() + lifetime_seconds
        secret, token = new_join_token(role, self._site_id(), name, tenants, expires)
        lease = await self._stores.grid.lease(lifetime_seconds)
        result = await commit(self._stores, token_creation(self._stores, token, lease.id))
        await self._snapshot.until(result.revision)
        return JoinTokenText(secret, self._pin()), token

    async def find(self, secret: BearerSecret) -> tuple[Record, JoinToken] | None:
        """From the grid itself: a token is spent by the transaction that deletes this very record."""
        record = await self._stores.site.get(path(secret.hash))
        if record is None:
            return None
        token = JoinToken.from_json(record.value)
        return (record, token) if token.expires > self._stores.clock.now() else None

    async def withdraw(self, tenant_id: str) -> None:
        """Those by which a host would come to serve the tenant. Raises Unavailable."""
        for record in self._snapshot.list("site", "join"):
            if tenant_id in record.value["tenants"]:
                result = await commit(self._stores, self._stores.site.delete(record.path))
                await self._snapshot.until(result.revision)

    def _site_id(self) -> str:
        record = self._snapshot.get("site", ("meta",))
        if record is None:
            raise Unavailable()
        return str(record.value["id"])

    def _pin(self) -> str:
        """Of the CA that signs, whose certificate the brokers present."""
        return str(CaKeys(self._snapshot).signing.value["pin"])
