"""What the public API stands on, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from broker.audit.audit import Audit
from broker.configuration.service import Configuration
from broker.credentials.vault import Vault
from broker.explain.explainer import Explainer
from broker.grid.health import GridHealth
from broker.hosts.acts import HostActs
from broker.identity.identity import Identity
from broker.launch.launch import Launcher
from broker.launch.traces import Traces
from broker.launch.waiting import WaitingLines
from broker.news import News
from broker.peers.clock_guard import ClockGuard
from broker.peers.message import Orphan
from broker.probes.accounts import ProbeAccounts
from broker.probes.records import Probes
from broker.probes.results import ProbeResults
from broker.repositories.applications import Applications
from broker.repositories.gateways import Gateways
from broker.repositories.groups import Groups
from broker.repositories.host_names import origins_of
from broker.repositories.hosts import Hosts
from broker.repositories.icons import Icons
from broker.repositories.join_tokens import JoinTokens
from broker.repositories.policies import Policies
from broker.repositories.sessions import Sessions
from broker.repositories.site_origins import SiteOrigins
from broker.revocation.acts import Acts
from broker.sessions.attach import Attach
from broker.sessions.figures import SessionFigures
from broker.sessions.lifecycle import Lifecycle
from broker.sessions.stages import Stages
from broker.simulation.simulator import Simulator
from broker.snapshot import Snapshot
from broker.tenants.keeper import TenantKeeper
from portcullis.clock import Clock
from portcullis.model.tenant import Tenant


@dataclass(frozen=True, slots=True)
class PublicServices:
    clock: Clock
    snapshot: Snapshot
    identity: Identity
    applications: Applications
    vault: Vault
    groups: Groups
    policies: Policies
    configuration: Configuration
    icons: Icons
    sessions: Sessions
    hosts: Hosts
    gateways: Gateways
    launcher: Launcher
    simulator: Simulator
    explainer: Explainer
    probes: Probes
    probe_results: ProbeResults
    probe_accounts: ProbeAccounts
    attach: Attach
    lifecycle: Lifecycle
    stages: Stages
    figures: SessionFigures
    lines: WaitingLines
    traces: Traces
    join_tokens: JoinTokens
    tenants: TenantKeeper
    site_origins: SiteOrigins
    health: GridHealth
    clock_guard: ClockGuard
    acts: Acts
    audit: Audit
    news: News
    host_acts: HostActs
    orphans: Callable[[], tuple[Orphan, ...]]
    from_gateway: Callable[[web.Request], bool]
    """Whether a gateway of this site sent the request (by its certificate): nobody else reaches the public
    API.
    """

    def origin_of(self, tenant: Tenant) -> str:
        """Under which its people are sent links: its own first host name, or the site's."""
        site = self.identity.tenants.site().public_origins[0]
        own = origins_of(tenant.host_names[:1], self.gateways.listed_origins())
        port = site.rpartition(":")[2]
        return next((origin for origin in own if origin.endswith(f":{port}")), next(iter(own), site))
