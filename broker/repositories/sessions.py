"""Sessions in the grid: the record, its slot and its `own` key are written and deleted together.

Reading is from the snapshot. Writing compares the record's mod revision, so that two brokers never undo each
other's change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from broker.grid.scopes import Condition, Record, SealedOperation, Stores, TenantStore
from broker.repositories.committing import commit
from broker.repositories.late_ends import LateEnds
from broker.repositories.session_index import SessionIndex
from broker.snapshot import Snapshot
from portcullis.errors import Unavailable
from portcullis.model.session import Session

ATTEMPTS_ON_CONFLICT = 8

Change = Callable[[Session], Session | None]
"""From the stored session to the one to store, or None when nothing is to change."""


class Sessions:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._late_ends = LateEnds(stores, snapshot)
        self.index = SessionIndex(snapshot)

    def get(self, tenant_id: str, session_id: str) -> Session | None:
        record = self._snapshot.get(tenant_id, ("session", session_id))
        return session_of(record) if record else None

    def list(self, tenant_id: str) -> Sequence[Session]:
        return [session_of(record) for record in self._snapshot.list(tenant_id, "session")]

    def of_user(self, tenant_id: str, user_id: str) -> Sequence[Session]:
        return [session_of(record) for record in self.index.of_user(tenant_id, user_id)]

    def of_host(self, host_id: str) -> Sequence[Session]:
        """Oldest first."""
        return [session_of(record) for record in self.records_of_host(host_id)]

    def records_of_host(self, host_id: str) -> Sequence[Record]:
        """Unread, oldest first."""
        return sorted(self.index.of_host(host_id), key=lambda record: (record.create_revision, record.path))

    def unsettled(self, live_hosts: Set[str]) -> Sequence[Session]:
        """Of every tenant: those that no host has accepted yet, and all that are on other hosts than these."""
        away = [host_id for host_id in self.index.hosts() if host_id not in live_hosts]
        records = {record.path[1]: record for host_id in away for record in self.index.of_host(host_id)}
        records |= {record.path[1]: record for record in self.index.pending()}
        return [session_of(record) for record in records.values()]

    def claim(
        self, tenant: TenantStore, session: Session
    ) -> tuple[Sequence[SealedOperation], Sequence[Condition]]:
        """What makes a session: its slot and the user's right to one of the application must be free."""
        slot, own = slot_path(session), own_path(session)
        site = self._stores.site
        operations = [
            site.put(slot, {"tenant": session.tenant_id, "session": session.id}),
            tenant.put(("session", session.id), session.to_json()),
            tenant.put(own, {"session": session.id}),
        ]
        return operations, [site.absent(slot), tenant.absent(own)]

    async def holds_own(self, tenant: TenantStore, session: Session) -> bool:
        """Whether the user's right to one session of the application is held by this very session."""
        record = await tenant.get(own_path(session))
        return record is not None and record.value["session"] == session.id

    async def is_current(self, session: Session) -> bool:
        """Whether the grid has the session just so. If not, the snapshot has caught up, or tried to. Raises
        Unavailable.
        """
        tenant = await self._stores.tenant(session.tenant_id)
        record = self._snapshot.get(session.tenant_id, ("session", session.id))
        if record is None or session_of(record) != session:
            return False
        result = await commit(self._stores, tenant.read(record.path), conditions=[tenant.unchanged(record)])
        await self._snapshot.until(result.revision)
        return result.succeeded

    async def change(self, tenant_id: str, session_id: str, change: Change) -> Session | None:
        """Store what `change` makes of the session; it is asked again if somebody was faster.

        Answers the session as it is stored then, None when it does not exist. Raises Unavailable and whatever
        `change` raises.
        """
        tenant = await self._stores.tenant(tenant_id)
        for _ in range(ATTEMPTS_ON_CONFLICT):
            record = self._snapshot.get(tenant_id, ("session", session_id))
            if record is None:
                return None
            changed = change(session_of(record))
            if changed is None:
                return session_of(record)
            put = tenant.put(("session", session_id), changed.to_json())
            result = await commit(self._stores, put, conditions=[tenant.unchanged(record)])
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return changed
        raise Unavailable(message="The session changes too often to be changed now.")

    async def remove(
        self, tenant_id: str, session_id: str, still: Callable[[Session], bool] = lambda _: True
    ) -> Session | None:
        """Delete the session with its slot and `own` key, if it is `still` to be; as it was, None when it stays
        or did not exist.
        """
        tenant = await self._stores.tenant(tenant_id)
        for _ in range(ATTEMPTS_ON_CONFLICT):
            record = self._snapshot.get(tenant_id, ("session", session_id))
            if record is None:
                return None
            session = session_of(record)
            if not still(session):
                return None
            deletes = self._deletes(tenant, session)
            result = await commit(self._stores, *deletes, conditions=[tenant.unchanged(record)])
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return session
        raise Unavailable(message="The session changes too often to be ended now.")

    async def reap(
        self,
        session: Session,
        code: str,
        still: Callable[[Session], bool],
        conditions: Sequence[Condition],
    ) -> bool:
        """Delete the session without its host, which is told when it comes back, while all of `conditions` hold:
        whether that happened. Tried once: whoever reaps looks again later. Raises Unavailable.
        """
        tenant = await self._stores.tenant(session.tenant_id)
        record = self._snapshot.get(session.tenant_id, ("session", session.id))
        if record is None or not still(session_of(record)):
            return False
        session = session_of(record)
        operations = [*self._deletes(tenant, session), self._late_ends.put(session, code)]
        result = await commit(self._stores, *operations, conditions=[tenant.unchanged(record), *conditions])
        await self._snapshot.until(result.revision)
        return result.succeeded

    async def move(self, before: Session, after: Session, conditions: Sequence[Condition]) -> bool:
        """Have the session on another host's slot instead, while all of `conditions` hold: whether that happened. The
        host that had it is told to end it, should it have it after all. Raises Unavailable, GridError.
        """
        tenant, site = await self._stores.tenant(before.tenant_id), self._stores.site
        record = self._snapshot.get(before.tenant_id, ("session", before.id))
        if record is None or session_of(record) != before:
            return False
        operations = [
            tenant.put(record.path, after.to_json()),
            site.put(slot_path(after), {"tenant": after.tenant_id, "session": after.id}),
            site.delete(slot_path(before)),
            self._late_ends.put(before, "host_lost"),
        ]
        needed = [tenant.unchanged(record), site.absent(slot_path(after)), *conditions]
        result = await commit(self._stores, *operations, conditions=needed)
        await self._snapshot.until(result.revision)
        return result.succeeded

    def _deletes(self, tenant: TenantStore, session: Session) -> Sequence[SealedOperation]:
        return [
            tenant.delete(("session", session.id)),
            tenant.delete(own_path(session)),
            self._stores.site.delete(slot_path(session)),
        ]


def session_of(record: Record) -> Session:
    return Session.from_json(record.value)


def slot_path(session: Session) -> tuple[str, ...]:
    return ("slot", session.host_id, str(session.slot))


def own_path(session: Session) -> tuple[str, ...]:
    return ("own", session.user_id, session.application_id)
