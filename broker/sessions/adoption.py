"""Sessions that run and have no record are taken up again, from what their host says about them.

That is how it is after a restore: the grid is of before, the hosts are of now. The session gets its record, a slot
and the user's right to one session of the application back, in one transaction that compares what the decision stands
on; then its user finds it in the portal, and everything about it is as it was. It is left alone, an orphan for an
administrator to end, when its user or application is gone, the user is disabled, the host does not serve the tenant,
or the user has another session of the application by now.

A host is believed no more than a launch would give it: slots of its own, users of tenants that it serves, applications
that they may have and that may run there; and only for a day after a restore. At any other time a record is missing
because the session ended: a host that lies could otherwise draw every user of its tenants to itself.
"""

from __future__ import annotations

import logging

from broker.grid.scopes import Record, Stores
from broker.repositories.applications import Applications
from broker.repositories.committing import commit
from broker.repositories.policy_index import PolicyIndex
from broker.repositories.sessions import Sessions
from broker.repositories.users import Users
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.logs import ids
from portcullis.model.application import Application
from portcullis.model.host import Host
from portcullis.model.session import Session
from portcullis.model.user import User
from portcullis.protocol.reports import About, Report

log = logging.getLogger(__name__)

ATTEMPTS = 4
"""Another session may be placed on the slot at the same moment."""
AFTER_RESTORE_SECONDS = 24 * 3600.0
ADOPTABLE = frozenset({"starting", "ready", "active", "disconnected"})


class Adoption:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        sessions: Sessions,
        users: Users,
        applications: Applications,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._sessions = sessions
        self._users = users
        self._applications = applications
        self._clock = clock

    async def adopt(self, host_id: str, report: Report) -> bool:
        """Whether the session has a record now. Raises Unavailable, GridError."""
        if report.about is None or report.state not in ADOPTABLE or not self._is_restored():
            return False
        for _ in range(ATTEMPTS):
            found = self._owner(host_id, report.tenant, report.about)
            if found is None:
                return False
            host, user_record, application = found
            slot = self._free_slot(host, report.about.slot)
            if slot is None:
                return False
            user = User.from_json(user_record.value)
            session = self._session(host, report, report.about, user, application, slot)
            if await self._is_claimed(session, user_record):
                log.info(
                    "session without a record taken up again",
                    extra=ids(
                        tenant=report.tenant, host=host_id, session=session.id, reference=session.reference
                    ),
                )
                return True
        return False

    def _is_restored(self) -> bool:
        meta = self._snapshot.get("site", ("meta",))
        restored = 0.0 if meta is None else float(meta.value.get("restored", 0.0))
        return self._clock.now() < restored + AFTER_RESTORE_SECONDS

    def _owner(self, host_id: str, tenant: str, about: About) -> tuple[Host, Record, Application] | None:
        host_record = self._snapshot.get("site", ("host", host_id))
        host = None if host_record is None else Host.from_json(host_record.value)
        if host is None or host.revoked or tenant not in host.tenants:
            return None
        record = self._users.record(tenant, about.user_id)
        application = self._applications.get(tenant, about.application_id)
        if (
            record is None
            or application is None
            or not self._may_run(User.from_json(record.value), application, host, tenant)
        ):
            return None
        return host, record, application

    def _free_slot(self, host: Host, wanted: int) -> int | None:
        """Slots count what a host runs; which number a session has means nothing to it."""
        taken = {int(record.path[2]) for record in self._snapshot.list("site", "slot", host.id)}
        free = [slot for slot in range(host.slots) if slot not in taken]
        return wanted if wanted in free else next(iter(free), None)

    def _session(
        self, host: Host, report: Report, about: About, user: User, application: Application, slot: int
    ) -> Session:
        return Session(
            id=report.session,
            tenant_id=report.tenant,
            user_id=user.id,
            user_name=user.name,
            application_id=application.id,
            application_name=application.name,
            command=application.command,
            rdp=application.rdp,
            wine=application.wine,
            desktop=application.desktop,
            environment=dict(application.environment),
            host_id=host.id,
            host_name=host.name,
            slot=slot,
            display=about.display,
            reference=about.reference,
            created=self._clock.now(),
            state=report.state,
            stage=report.stage,
            e=about.e,
            trace=(
                {"step": "adopted", "outcome": "info", "detail": "Taken up again from its host's report."},
            ),
        )

    async def _is_claimed(self, session: Session, user: Record) -> bool:
        tenant = await self._stores.tenant(session.tenant_id)
        operations, conditions = self._sessions.claim(tenant, session)
        absent = tenant.absent(("session", session.id))
        result = await commit(
            self._stores, *operations, conditions=[*conditions, absent, tenant.unchanged(user)]
        )
        await self._snapshot.until(result.revision)
        return result.succeeded or self._sessions.get(session.tenant_id, session.id) is not None

    def _may_run(self, user: User, application: Application, host: Host, tenant: str) -> bool:
        is_placeable = not application.host_groups or not application.host_groups.isdisjoint(host.groups)
        groups = self._snapshot.index(PolicyIndex).groups(tenant, user)
        return is_placeable and not user.disabled and application.entitlement.admits(user.name, groups)
