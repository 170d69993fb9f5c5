"""What may be said of a tenant, parsed: by the platform all of it, by its own administrators its title and theme.

Absent fields stay as they are, so that two who change different things do not undo each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from broker.http.admin.icon_form import read_icon
from broker.http.body import Fields
from broker.repositories.icons import Icon
from portcullis.errors import InvalidInput
from portcullis.model.names import DNS_NAME_RULE, GROUP_RULE, is_dns_name, is_fit_group
from portcullis.model.tenant import ACCENT_RULE, Quotas, Tenant, Theme, is_accent

MAXIMUM_HOST_NAMES = 16
MOST_SESSIONS = 1_000_000
MOST_PER_SECOND = 100_000.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`apply` makes of a tenant what was asked for. `logo`: a picture that has to be kept first."""

    changes: tuple[Callable[[Tenant], Tenant], ...]
    logo: Icon | None = field(default=None, repr=False)

    def apply(self, tenant: Tenant) -> Tenant:
        for change in self.changes:
            tenant = change(tenant)
        return tenant


def parse_settings(fields: Fields, *, whole: bool) -> Settings:
    """`whole`: also what the platform alone decides. Raises InvalidInput. Whoever calls finishes `fields`."""
    changes: list[Callable[[Tenant], Tenant]] = []
    logo: Icon | None = None
    if fields.has("title"):
        title = _title(fields)
        changes.append(lambda tenant: replace(tenant, title=title))
    if fields.has("theme"):
        change, logo = _theme(fields.nested("theme"))
        changes.append(lambda tenant: replace(tenant, theme=change(tenant.theme)))
    if whole and fields.has("host_names"):
        host_names = _host_names(fields)
        changes.append(lambda tenant: replace(tenant, host_names=host_names))
    if whole and fields.has("quotas"):
        limit = _quotas(fields.nested("quotas"))
        changes.append(lambda tenant: replace(tenant, quotas=limit(tenant.quotas)))
    return Settings(tuple(changes), logo)


def _title(fields: Fields) -> str:
    title = fields.raw("title")
    if title in (None, ""):
        return ""
    if not isinstance(title, str) or not is_fit_group(title):
        raise InvalidInput(fields.name("title"), f"{GROUP_RULE}, or null for the name")
    return title


def _theme(fields: Fields) -> tuple[Callable[[Theme], Theme], Icon | None]:
    changed: dict[str, str | None] = {}
    logo: Icon | None = None
    if fields.has("accent"):
        accent = fields.raw("accent")
        if accent is not None and not (isinstance(accent, str) and is_accent(accent.lower())):
            raise InvalidInput(fields.name("accent"), ACCENT_RULE)
        changed["accent"] = None if accent is None else accent.lower()
    if fields.has("logo"):
        logo = None if fields.raw("logo") is None else read_icon(fields.nested("logo"))
        changed["logo"] = None if logo is None else logo.hash
    fields.finish()
    return lambda theme: replace(theme, **changed), logo


def _host_names(fields: Fields) -> tuple[str, ...]:
    names = fields.texts(
        "host_names", lambda text: is_dns_name(text.lower()), DNS_NAME_RULE, most=MAXIMUM_HOST_NAMES
    )
    return tuple(dict.fromkeys(name.lower() for name in names))


def _quotas(fields: Fields) -> Callable[[Quotas], Quotas]:
    changed: dict[str, int | float | None] = {}
    if fields.has("sessions"):
        unlimited = fields.raw("sessions") is None
        changed["sessions"] = None if unlimited else fields.integer("sessions", 0, MOST_SESSIONS)
    for name in ("launches_per_second", "logins_per_second"):
        if fields.has(name):
            unlimited = fields.raw(name) is None
            changed[name] = None if unlimited else fields.number(name, 0, MOST_PER_SECOND)
    fields.finish()
    return lambda quotas: Quotas.from_json({**quotas.to_json(), **changed})
