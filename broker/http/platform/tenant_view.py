"""How a tenant reads in JSON: to the platform, to itself, and to strangers at its own door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from broker.http.services import PublicServices
from broker.repositories.entries import Entry
from portcullis.model.tenant import Tenant, Theme


def logo_url(logo: str | None) -> str | None:
    return f"/api/v1/logos/{logo}" if logo else None


def theme_view(theme: Theme) -> dict[str, Any]:
    return {"accent": theme.accent, "logo": logo_url(theme.logo)}


def door_view(tenant: Tenant) -> dict[str, Any]:
    """What a page of the tenant needs before anybody has signed in: the name itself is not published."""
    return {"title": tenant.title or None, **theme_view(tenant.theme)}


def own_view(tenant: Tenant, entries: Sequence[Entry], revision: int) -> dict[str, Any]:
    """`entries`: who of the platform acts in it at the moment."""
    return {
        "id": tenant.id,
        "name": tenant.name,
        "title": tenant.title,
        "theme": theme_view(tenant.theme),
        "host_names": list(tenant.host_names),
        "quotas": tenant.quotas.to_json(),
        "entries": [entry_view(entry) for entry in entries],
        "revision": revision,
    }


def entry_view(entry: Entry) -> dict[str, Any]:
    return {
        "user": entry.user_name,
        "reason": entry.reason,
        "created": entry.created,
        "until": entry.until,
    }


def platform_view(services: PublicServices, tenant: Tenant, user_id: str) -> dict[str, Any]:
    """`user_id`: whose entry into it is shown."""
    record = services.identity.tenants.record(tenant.id)
    entry = services.identity.entries.of(tenant.id, user_id)
    hosts = [host.name for host in services.hosts.list() if tenant.id in host.tenants]
    return {
        "id": tenant.id,
        "name": tenant.name,
        "title": tenant.title,
        "theme": theme_view(tenant.theme),
        "host_names": list(tenant.host_names),
        "suspended": tenant.suspended,
        "quotas": tenant.quotas.to_json(),
        "users": services.snapshot.count(tenant.id, "user"),
        "sessions": services.snapshot.count(tenant.id, "session"),
        "hosts": sorted(hosts),
        "entry": None if entry is None else entry.until,
        "revision": record.mod_revision if record else 0,
    }
