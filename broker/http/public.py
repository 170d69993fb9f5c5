"""The public REST API (docs/api.md), put together: every route with its policy, and the way in."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Middleware

from broker.http.account import AccountRoutes
from broker.http.admin.applications import ApplicationRoutes
from broker.http.admin.configuration import ConfigurationRoutes
from broker.http.admin.entitlements import EntitlementRoutes
from broker.http.admin.feed import FeedRoutes
from broker.http.admin.groups import GroupRoutes
from broker.http.admin.history import HistoryRoutes
from broker.http.admin.hosts import MachineRoutes
from broker.http.admin.launches import LaunchRoutes
from broker.http.admin.origins import OriginRoutes
from broker.http.admin.policies import PolicyRoutes
from broker.http.admin.probes import ProbeRoutes
from broker.http.admin.revocation import RevocationRoutes
from broker.http.admin.roles import RoleRoutes
from broker.http.admin.sessions import AdminSessionRoutes
from broker.http.admin.simulations import SimulationRoutes
from broker.http.admin.site import SiteRoutes
from broker.http.admin.tenant import OwnTenantRoutes
from broker.http.admin.tokens import TokenRoutes
from broker.http.admin.users import UserRoutes
from broker.http.admin.what_if import WhatIfRoutes
from broker.http.audited import AuditTrail
from broker.http.catalogue import CatalogueRoutes
from broker.http.credentials import CredentialRoutes
from broker.http.enrolment_links import EnrolmentLinkRoutes
from broker.http.factor import FactorRoutes
from broker.http.icons import IconRoutes
from broker.http.login import LoginRoutes
from broker.http.logos import LogoRoutes
from broker.http.middleware import Entrance, check_policies, errors_as_json
from broker.http.openapi import DescriptionRoutes
from broker.http.platform.entry import EntryRoutes
from broker.http.platform.hosts import PlatformHostRoutes
from broker.http.platform.tenants import TenantRoutes
from broker.http.services import PublicServices
from broker.http.sessions import SessionRoutes
from broker.http.stages import StageRoutes

__all__ = ["PublicServices", "check_policies", "public_middlewares", "public_routes"]


class _Routes(Protocol):
    def routes(self) -> list[web.RouteDef]: ...


def public_routes(services: PublicServices) -> list[web.RouteDef]:
    groups: list[_Routes] = [
        LoginRoutes(services),
        FactorRoutes(services),
        AccountRoutes(services),
        EnrolmentLinkRoutes(services),
        CatalogueRoutes(services),
        IconRoutes(services),
        SessionRoutes(services),
        CredentialRoutes(services, services.vault),
        StageRoutes(services),
        ApplicationRoutes(services),
        EntitlementRoutes(services),
        ConfigurationRoutes(services),
        HistoryRoutes(services),
        WhatIfRoutes(services),
        UserRoutes(services),
        RevocationRoutes(services),
        GroupRoutes(services),
        PolicyRoutes(services),
        AdminSessionRoutes(services),
        MachineRoutes(services),
        RoleRoutes(services),
        TokenRoutes(services),
        LaunchRoutes(services),
        SimulationRoutes(services),
        ProbeRoutes(services),
        SiteRoutes(services),
        OriginRoutes(services),
        OwnTenantRoutes(services),
        TenantRoutes(services),
        EntryRoutes(services),
        PlatformHostRoutes(services),
        LogoRoutes(services),
        FeedRoutes(services),
    ]
    groups.append(DescriptionRoutes())
    return [definition for group in groups for definition in group.routes()]


def public_middlewares(services: PublicServices, *between: Middleware) -> list[Middleware]:
    """For the application that holds `public_routes`; it may hold other routes beside them, outside
    `/api/v1/`. What stands `between` sees refusals as exceptions.
    """
    trail = AuditTrail(services)
    return [errors_as_json, *between, trail.middleware, Entrance(services).middleware]
