"""What a launch looks at, made of the snapshot from scratch: the measure of the indexes that are kept up with it."""

from __future__ import annotations

from collections import Counter, defaultdict

from broker.hosts.loads import HostLoads
from broker.launch.placement import Candidate
from broker.launch.plan import LaunchRequest, LaunchView
from broker.repositories.sessions import session_of
from broker.snapshot import Snapshot
from portcullis.model.application import Application
from portcullis.model.host import Host
from portcullis.model.user import User


def naive_view(
    snapshot: Snapshot, loads: HostLoads, request: LaunchRequest, sessions_per_user: int
) -> LaunchView:
    user = snapshot.get(request.tenant_id, ("user", request.user_id))
    application = snapshot.get(request.tenant_id, ("application", request.application_id))
    live = {record.path[2] for record in snapshot.list("site", "live", "host")}
    taken: defaultdict[str, set[int]] = defaultdict(set)
    for record in snapshot.list("site", "slot"):
        taken[record.path[1]].add(int(record.path[2]))
    sessions = [
        session_of(record)
        for tenant in snapshot.tenants()
        for record in snapshot.list(tenant.path[1], "session")
    ]
    on_their_way = Counter(each.host_id for each in sessions if each.state in ("pending", "starting"))
    hosts = sorted((Host.from_json(r.value) for r in snapshot.list("site", "host")), key=lambda host: host.id)
    return LaunchView(
        user=User.from_json(user.value) if user else None,
        application=Application.from_json(application.value) if application else None,
        sessions=tuple(
            each
            for each in sessions
            if (each.tenant_id, each.user_id) == (request.tenant_id, request.user_id)
        ),
        candidates=[
            Candidate(
                host, host.id in live, frozenset(taken[host.id]), loads.get(host.id), on_their_way[host.id]
            )
            for host in hosts
        ],
        sessions_per_user=sessions_per_user,
    )
