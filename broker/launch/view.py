"""From the snapshot to what the plan decides on, and back to the conditions under which its answer holds.

`look` reads synchronously, so that it shows one moment. `conditions` says in the grid's terms that nothing which the
plan relied on has changed since: user, application, host and the life of its agent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from broker.grid.scopes import Condition, Record, SiteStore, TenantStore
from broker.launch.placement import Candidate
from broker.launch.plan import LaunchRequest, LaunchView
from broker.repositories.sessions import session_of
from broker.snapshot import Snapshot
from portcullis.model.application import Application
from portcullis.model.host import Host
from portcullis.model.session import Session
from portcullis.model.user import User


@dataclass(frozen=True, slots=True)
class Look:
    view: LaunchView
    user: Record | None
    application: Record | None
    hosts: Mapping[str, Record]
    live_hosts: Mapping[str, Record]

    def conditions(self, host_id: str, site: SiteStore, tenant: TenantStore) -> list[Condition]:
        """Only for a plan that found its user, application and host."""
        assert self.user is not None and self.application is not None
        live = self.live_hosts[host_id]
        return [
            tenant.unchanged(self.user),
            tenant.unchanged(self.application),
            site.unchanged(self.hosts[host_id]),
            site.created_at(live.path, live.create_revision),
        ]


def look(
    snapshot: Snapshot, loads: Mapping[str, float], request: LaunchRequest, sessions_per_user: int
) -> Look:
    """`loads`: the newest load sample of each host that this broker hears."""
    user = snapshot.get(request.tenant_id, ("user", request.user_id))
    application = snapshot.get(request.tenant_id, ("application", request.application_id))
    hosts = {record.path[1]: record for record in snapshot.list("site", "host")}
    live_hosts = {record.path[2]: record for record in snapshot.list("site", "live", "host")}
    taken: defaultdict[str, set[int]] = defaultdict(set)
    for record in snapshot.list("site", "slot"):
        taken[record.path[1]].add(int(record.path[2]))
    view = LaunchView(
        user=User.from_json(user.value) if user else None,
        application=Application.from_json(application.value) if application else None,
        sessions=_sessions_of(snapshot, request),
        candidates=tuple(
            Candidate(
                Host.from_json(record.value),
                live=host_id in live_hosts,
                taken=frozenset(taken[host_id]),
                load=loads.get(host_id),
            )
            for host_id, record in sorted(hosts.items())
        ),
        sessions_per_user=sessions_per_user,
    )
    return Look(view, user, application, hosts, live_hosts)


def _sessions_of(snapshot: Snapshot, request: LaunchRequest) -> tuple[Session, ...]:
    sessions = (session_of(record) for record in snapshot.list(request.tenant_id, "session"))
    return tuple(session for session in sessions if session.user_id == request.user_id)
