"""What a launch looks at, made of the snapshot from scratch: the measure of the indexes that are kept up with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from broker.hosts.loads import HostLoads
from broker.launch.placement import Candidate
from broker.launch.plan import LaunchRequest, LaunchView
from broker.repositories.sessions import session_of
from broker.snapshot import Snapshot
from portcullis.model.application import Application
from portcullis.model.group import Group, containers, group_key, with_containers
from portcullis.model.host import Host
from portcullis.model.policy import OF_TENANT, Level, LevelKind, Policy, effective
from portcullis.model.tenant import Tenant
from portcullis.model.user import User


def naive_view(
    snapshot: Snapshot, loads: HostLoads, request: LaunchRequest, sessions_per_user: int
) -> LaunchView:
    tenant = snapshot.get("site", ("tenant", request.tenant_id))
    user_record = snapshot.get(request.tenant_id, ("user", request.user_id))
    application_record = snapshot.get(request.tenant_id, ("application", request.application_id))
    user = User.from_json(user_record.value) if user_record else None
    application = Application.from_json(application_record.value) if application_record else None
    groups = groups_of(snapshot, request.tenant_id, user)
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
        user=user,
        application=application,
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
        tenant=Tenant.from_json(tenant.value) if tenant else None,
        tenant_sessions=sum(
            each.tenant_id == request.tenant_id and each.state != "ending" for each in sessions
        ),
        outer_groups=groups - user.groups if user else frozenset(),
        policy=effective(levels_of(snapshot, request.tenant_id, user, application, groups)),
    )


def groups_of(snapshot: Snapshot, tenant_id: str, user: User | None) -> frozenset[str]:
    records = snapshot.list(tenant_id, "group")
    containing = containers(Group.from_json(record.value) for record in records)
    return with_containers(user.groups, containing) if user else frozenset()


def levels_of(
    snapshot: Snapshot,
    tenant_id: str,
    user: User | None,
    application: Application | None,
    groups: frozenset[str],
) -> Iterator[Level]:
    named: list[tuple[LevelKind, str, str]] = [("tenant", OF_TENANT, OF_TENANT)]
    named += [("group", group_key(name), name) for name in groups]
    named += [("application", application.id, application.name)] if application else []
    named += [("user", user.id, user.name)] if user else []
    for kind, object_id, name in named:
        record = snapshot.get(tenant_id, ("policy", kind, object_id))
        if record is not None:
            yield Level(kind, name, Policy.from_json(record.value))
