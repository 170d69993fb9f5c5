"""The application behind a broker's listener: all routes, on the services that its parts make."""

from __future__ import annotations

from aiohttp import web

from broker.http.admin.audit import AuditRoutes
from broker.http.admin.discovery import DiscoveryRoutes
from broker.http.admin.drain import DrainRoutes
from broker.http.admin.overview import OverviewRoutes
from broker.http.admin.status import StatusRoutes
from broker.http.audit_peers import AuditPeerRoutes
from broker.http.body import MAXIMUM_BODY_BYTES
from broker.http.credential_peers import CredentialPeerRoutes
from broker.http.host_questions import HostQuestionRoutes
from broker.http.inner import InnerServices, inner_routes
from broker.http.measured import measured, routes_of
from broker.http.public import PublicServices, check_policies, public_middlewares, public_routes
from broker.parts import Parts
from broker.pki.web_authority import WebAuthority
from broker.repositories.groups import Groups
from broker.repositories.policies import Policies
from broker.repositories.site_origins import SiteOrigins
from portcullis.serving.guard import guarded


def application_of(parts: Parts) -> web.Application:
    """Every route that a broker's listener serves, public and inner."""
    public = _public(parts)
    application = web.Application(
        middlewares=[guarded, *public_middlewares(public, measured(parts.metrics, parts.clock_guard))],
        client_max_size=MAXIMUM_BODY_BYTES,
    )
    application.add_routes(public_routes(public))
    application.add_routes(inner_routes(_inner(parts)))
    to_hosts = (parts.checks, parts.host_acts, parts.discovery)
    application.add_routes(HostQuestionRoutes(parts.peers, *to_hosts).routes())
    application.add_routes(CredentialPeerRoutes(parts.peers, parts.credentials).routes())
    application.add_routes(AuditPeerRoutes(parts.peers, parts.audit_everywhere, parts.copies).routes())
    application.add_routes(_site_routes(parts, public))
    check_policies(application)
    parts.metrics.know_routes(routes_of(application))
    return application


def _site_routes(parts: Parts, public: PublicServices) -> list[web.RouteDef]:
    draining = DrainRoutes(public, parts.drains, parts.brokers)
    audit = AuditRoutes(public, parts.audit_everywhere)
    overview = OverviewRoutes(public, parts.overview)
    status = StatusRoutes(public, parts.status)
    discovery = DiscoveryRoutes(public, parts.discovery)
    routes = (status, draining, audit, overview, discovery)
    return [each for some in routes for each in some.routes()]


def _inner(parts: Parts) -> InnerServices:
    return InnerServices(
        parts.peers,
        parts.machines,
        parts.directory,
        parts.attach,
        parts.control,
        WebAuthority(parts.stores, parts.snapshot),
        parts.gateway_channels,
        parts.exchange,
        parts.clock_guard,
        parts.probe_results,
    )


def _public(parts: Parts) -> PublicServices:
    return PublicServices(
        clock=parts.told_clock,
        snapshot=parts.snapshot,
        identity=parts.identity,
        applications=parts.applications,
        vault=parts.vault,
        groups=Groups(parts.stores, parts.snapshot),
        policies=Policies(parts.stores, parts.snapshot),
        configuration=parts.configuration,
        icons=parts.icons,
        sessions=parts.sessions,
        hosts=parts.hosts,
        gateways=parts.gateways,
        launcher=parts.launcher,
        simulator=parts.simulator,
        explainer=parts.explainer,
        probes=parts.probes,
        probe_results=parts.probe_results,
        probe_accounts=parts.probe_accounts,
        attach=parts.attach,
        lifecycle=parts.lifecycle,
        stages=parts.stages,
        figures=parts.figures,
        lines=parts.lines,
        traces=parts.traces,
        join_tokens=parts.join_tokens,
        tenants=parts.tenants,
        site_origins=SiteOrigins(parts.stores, parts.snapshot),
        health=parts.health,
        clock_guard=parts.clock_guard,
        acts=parts.acts,
        audit=parts.audit,
        news=parts.news,
        host_acts=parts.host_acts,
        orphans=lambda: parts.exchange.orphans(),
        from_gateway=parts.peers.is_gateway,
    )
