"""What follows from a tenant's record: a suspended one's sessions end, of a leaving one nothing stays.

Level-triggered: a round looks at the records and does what is left to do, so a broker that dies half way changes
nothing; the next round, of whichever broker has the job, goes on. Whoever suspends or deletes does a round at once.

A leaving tenant goes in this order: logins (their connections are cut), sessions by their hosts, sessions without them
(told when they come back), its hosts and join tokens, its data key, every record below it, its own record. That one is
the last: as long as it is there, somebody looks whether anything is left.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from broker.grid.grid import GridError
from broker.grid.scopes import Condition, Stores
from broker.repositories.committing import commit
from broker.repositories.hosts import Hosts
from broker.repositories.join_tokens import JoinTokens
from broker.repositories.logins import LoginRecords
from broker.repositories.sessions import Sessions
from broker.repositories.tenants import TenantRecords, Tenants
from broker.sessions.lifecycle import Lifecycle
from broker.snapshot import Change, Snapshot
from portcullis.errors import Refused, Unavailable
from portcullis.logs import ids
from portcullis.model.tenant import Tenant

log = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0
ENDING_SECONDS = 6.0
"""What hosts get to end a leaving tenant's sessions; a gateway gives an answer 15 s."""
_AT_ONCE = 50


class TenantKeeper:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        sessions: Sessions,
        hosts: Hosts,
        join_tokens: JoinTokens,
        lifecycle: Lifecycle,
        ending_seconds: float = ENDING_SECONDS,
    ) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._sessions = sessions
        self._hosts = hosts
        self._join_tokens = join_tokens
        self._lifecycle = lifecycle
        self._ending_seconds = ending_seconds
        self._tenants = Tenants(snapshot)
        self._logins = LoginRecords(stores, snapshot)
        self.records = TenantRecords(stores, snapshot)
        self._at_work: dict[str, asyncio.Lock] = {}

    async def sweep(self, fence: Condition) -> None:
        """A round of the job. What it does may be done by two at once, so no write needs the fence."""
        for tenant in self._tenants.closed():
            try:
                await self.settle(tenant.id)
            except (Unavailable, GridError, Refused) as exc:
                log.warning("a tenant is not settled yet: %s", exc, extra=ids(tenant=tenant.id))

    async def settle(self, tenant_id: str) -> bool:
        """Do what the record asks for. Whether that is done, to all appearances.

        Raises Unavailable, GridError.
        """
        async with self._at_work.setdefault(tenant_id, asyncio.Lock()):
            record = self._tenants.record(tenant_id)
            tenant = Tenant.from_json(record.value) if record else None
            if tenant is not None and not tenant.is_open and self._has_key(tenant_id):
                await self._end_logins(tenant)
                await self._log_off(tenant)
            if tenant is not None and tenant.leaving:
                await self._remove(tenant)
            if not self._has_key(tenant_id):
                return True
        return not self._snapshot.count(tenant_id, "session")

    async def _end_logins(self, tenant: Tenant) -> None:
        """Every broker tells its machines of each that goes (`broker.revocation.derived`)."""
        left = self._logins.of_tenant(tenant.id)
        while left:
            some, left = left[:_AT_ONCE], left[_AT_ONCE:]
            store = await self._stores.tenant(tenant.id)
            result = await commit(self._stores, *(store.delete(("login", login.hash)) for login in some))
            await self._snapshot.until(result.revision)

    async def _log_off(self, tenant: Tenant) -> None:
        code = "logged_off" if tenant.leaving else "tenant_suspended"
        for session in self._sessions.list(tenant.id):
            if session.state == "ending":
                continue
            try:
                await self._lifecycle.log_off(tenant.id, session.id, code)
            except Refused as gone:
                log.info("a session ended by itself: %s", gone.code, extra=ids(session=session.id))

    async def _remove(self, tenant: Tenant) -> None:
        if not self._has_key(tenant.id):
            return await self._erase(tenant.id)
        await self._until_ended(tenant.id)
        for session in self._sessions.list(tenant.id):
            detail = "its tenant was deleted, and its host did not end it in time"
            await self._lifecycle.reap(session, detail, lambda _: True, ())
        if self._sessions.list(tenant.id):
            return  # somebody wrote one of them meanwhile: the next round
        await self._release_hosts(tenant.id)
        await self._join_tokens.withdraw(tenant.id)
        await self.records.destroy_key(tenant.id)
        await self._erase(tenant.id)

    async def _erase(self, tenant_id: str) -> None:
        """The tenant's own record goes a round after the last other one: whoever was at it may still have written."""
        if erased := await self._stores.erase(tenant_id):
            log.warning("a tenant's records are gone", extra=ids(tenant=tenant_id, records=erased))
        else:
            await self.records.forget(tenant_id, "tenant deleted")

    def _has_key(self, tenant_id: str) -> bool:
        return self._snapshot.get("site", ("key", "tenant", tenant_id)) is not None

    async def _until_ended(self, tenant_id: str) -> None:
        """Hosts that are there end their sessions by themselves; for a while."""
        if not self._snapshot.count(tenant_id, "session"):
            return
        ended = asyncio.Event()

        def notice(change: Change) -> None:
            if change.scope == tenant_id and not self._snapshot.count(tenant_id, "session"):
                ended.set()

        unsubscribe = self._snapshot.subscribe(notice)
        try:
            async with asyncio.timeout(self._ending_seconds):
                await ended.wait()
        except TimeoutError:
            log.info("hosts did not end all sessions in time", extra=ids(tenant=tenant_id))
        finally:
            unsubscribe()

    async def _release_hosts(self, tenant_id: str) -> None:
        for host in self._hosts.list():
            if tenant_id in host.tenants:
                await self._hosts.change(
                    host.id,
                    lambda known: replace(known, tenants=known.tenants - {tenant_id}),
                    "tenant deleted",
                )
