"""From the indexes to what the plan decides on, and back to the conditions under which its answer holds.

`look` reads synchronously, so that it shows one moment. `conditions`, asked in the same breath, says in the grid's
terms that nothing which the plan relied on has changed since: user, application, host and the life of its agent. Groups
and policies are not among them: what they allow is asked again whenever somebody attaches (`broker.sessions.standing`).
"""

from __future__ import annotations

from broker.grid.scopes import Condition, SiteStore, TenantStore
from broker.launch.claims import Claims
from broker.launch.index import HostIndex
from broker.launch.plan import LaunchPlan, LaunchRequest, LaunchView
from broker.repositories.policy_index import PolicyIndex
from broker.repositories.session_index import SessionIndex
from broker.repositories.sessions import session_of
from broker.snapshot import Snapshot
from portcullis.model.application import Application
from portcullis.model.tenant import Tenant
from portcullis.model.user import User


def look(
    snapshot: Snapshot,
    hosts: HostIndex,
    sessions: SessionIndex,
    request: LaunchRequest,
    sessions_per_user: int,
    claims: Claims | None = None,
    claimed: int = 0,
) -> LaunchView:
    """`claims`: slots that this broker is claiming at this moment, to count as taken; `claimed`: how many of them are
    to be sessions of the tenant.
    """
    tenant = snapshot.get("site", ("tenant", request.tenant_id))
    user_record = snapshot.get(request.tenant_id, ("user", request.user_id))
    application_record = snapshot.get(request.tenant_id, ("application", request.application_id))
    user = User.from_json(user_record.value) if user_record else None
    application = Application.from_json(application_record.value) if application_record else None
    policies = snapshot.index(PolicyIndex)
    candidates = hosts.candidates()
    for host_id, slots in claims.slots() if claims else ():
        place = hosts.position(host_id)
        if place is not None:
            candidates[place] = candidates[place].with_claims(slots)
    return LaunchView(
        user=user,
        application=application,
        sessions=tuple(map(session_of, sessions.of_user(request.tenant_id, request.user_id))),
        candidates=candidates,
        sessions_per_user=sessions_per_user,
        tenant=Tenant.from_json(tenant.value) if tenant else None,
        tenant_sessions=sessions.running(request.tenant_id) + claimed,
        outer_groups=policies.groups(request.tenant_id, user) - user.groups if user else frozenset(),
        policy=policies.effective(request.tenant_id, user, application),
    )


def conditions(
    snapshot: Snapshot, request: LaunchRequest, answer: LaunchPlan, site: SiteStore, tenant: TenantStore
) -> list[Condition]:
    """Under which `answer`, which was planned on this very snapshot, holds."""
    user = snapshot.get(tenant.scope, ("user", request.user_id))
    application = snapshot.get(tenant.scope, ("application", request.application_id))
    host_id = answer.candidate.host.id
    host = snapshot.get("site", ("host", host_id))
    live = snapshot.get("site", ("live", "host", host_id))
    assert user is not None and application is not None and host is not None and live is not None
    return [
        tenant.unchanged(user),
        tenant.unchanged(application),
        site.unchanged(host),
        site.created_at(live.path, live.create_revision),
    ]
