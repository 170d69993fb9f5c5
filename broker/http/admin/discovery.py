"""What hosts have installed, for who publishes applications: of one host, or of the hosts of a group.

    GET /api/v1/admin/installed?host=NAME | host_group=NAME [&locale=de-AT]
    GET /api/v1/admin/installed/icons?host=NAME&application=ID&application=ID...

What a host says is what strangers wrote into its files: names were checked to be text of one line, and an icon is
written anew like any that somebody sends.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath, PureWindowsPath
from typing import Any

from aiohttp import web

from broker.hosts.discovery import HostDiscovery
from broker.http.admin.icon_form import parse_icon
from broker.http.admin.listing import parse_wanted, select
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.logs import ids
from portcullis.model.host import Host
from portcullis.model.names import fitted_name
from portcullis.model.platforms import is_windows_program
from portcullis.protocol.discovery import MAXIMUM_ICONS, Installed, Outcome

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/installed"
MAXIMUM_HOSTS = 32
"""Of a group, asked for one answer."""
HOSTS_AT_ONCE = 8
LONGEST_LOCALE = 64
FIELDS = (
    "id",
    "name",
    "command",
    "comment",
    "categories",
    "terminal",
    "published",
    "missing",
    "host",
)
_ASKED = ("host", "host_group", "locale")
_WHERE = "the name of a host, or `host_group` and the name of a group"


@dataclass(frozen=True, slots=True)
class Told:
    """What one host said."""

    host: Host
    outcome: Outcome
    applications: Sequence[Installed] = ()
    left_out: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"name": self.host.name, "outcome": self.outcome, "left_out": self.left_out}


@dataclass(slots=True)
class _Everywhere:
    """One application, and the hosts that have it."""

    installed: Installed
    hosts: list[str] = field(default_factory=list)


class DiscoveryRoutes:
    def __init__(self, services: PublicServices, discovery: HostDiscovery) -> None:
        self._services = services
        self._discovery = discovery

    def routes(self) -> list[web.RouteDef]:
        needs = Needs("applications.write")
        return [
            route("GET", PATH, needs, self.show),
            route("GET", PATH + "/icons", needs, self.icons),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Those of a group that some of its hosts lack are told with those hosts as `missing`. It names hosts, too."""
        request[CALLER].check("hosts.read")
        tenant_id = request[CALLER].tenant.id
        wanted = parse_wanted(request, (*_ASKED, *FIELDS))
        asked = {name: _one(wanted.filters.get(name, ())) for name in _ASKED}
        filters = {name: values for name, values in wanted.filters.items() if name not in _ASKED}
        hosts = self._hosts(tenant_id, asked["host"], asked["host_group"])
        told = await self._ask(hosts, asked["locale"][:LONGEST_LOCALE])
        answered = [each for each in told if each.outcome == "done"]
        if not answered:
            raise _silent(told)
        published = _Published(self._services, tenant_id)
        items = [self._view(each, answered, published) for each in _gathered(answered)]
        found = select(items, replace(wanted, filters=filters))
        page = found[wanted.offset :][: wanted.limit]
        revision = self._services.snapshot.revision
        log.info(
            "looked at what is installed",
            extra=ids(tenant=tenant_id, by=request[CALLER].user.id, hosts=len(hosts), found=len(items)),
        )
        told_hosts = [each.to_json() for each in told]
        body = {"items": page, "total": len(found), "revision": revision, "hosts": told_hosts}
        return answer(body, revision=revision)

    async def icons(self, request: web.Request) -> web.Response:
        """Those that have none that can be shown are left out."""
        request[CALLER].check("hosts.read")
        tenant_id, query = request[CALLER].tenant.id, request.query
        wanted = tuple(dict.fromkeys(query.getall("application", [])))
        if set(query) - {"host", "application"} or not 1 <= len(wanted) <= MAXIMUM_ICONS:
            raise InvalidInput("application", f"1 to {MAXIMUM_ICONS} ids of applications of one `host`")
        (host,) = self._hosts(tenant_id, _one(query.getall("host", [])), "")
        outcome, pictures = await self._discovery.icons(host.id, wanted)
        if outcome != "done":
            raise _silent([Told(host, outcome)])
        items = []
        for picture in pictures:
            try:
                icon = parse_icon("image/png", picture.png, str)
            except InvalidInput:
                log.warning("a host sent a picture that is none", extra=ids(host=host.id))
                continue
            content = {"content_type": icon.content_type, "data": base64.b64encode(icon.data).decode()}
            items.append({"id": picture.id, "icon": content})
        return answer({"items": items})

    def _hosts(self, tenant_id: str, name: str, group: str) -> list[Host]:
        """Raises InvalidInput, Refused("not_found"): also for a host that serves others alone."""
        if bool(name) == bool(group):
            raise InvalidInput("host", _WHERE)
        own = [host for host in self._services.hosts.list() if tenant_id in host.tenants and not host.revoked]
        found = [host for host in own if (host.name == name if name else group in host.groups)]
        if not found:
            raise Refused("not_found", "There is no such host." if name else "No host is in this group.")
        online = [host for host in found if self._services.hosts.is_live(host.id)]
        return sorted(online or found, key=lambda host: host.name)[:MAXIMUM_HOSTS]

    async def _ask(self, hosts: Sequence[Host], locale: str) -> Sequence[Told]:
        turns = asyncio.Semaphore(HOSTS_AT_ONCE)

        async def ask(host: Host) -> Told:
            async with turns:
                outcome, applications, left_out = await self._discovery.applications(host.id, locale)
            return Told(host, outcome, applications, left_out)

        return await asyncio.gather(*map(ask, hosts))

    def _view(self, each: _Everywhere, answered: Sequence[Told], published: _Published) -> dict[str, Any]:
        installed = each.installed
        return {
            **installed.to_json(),
            "suggested_name": fitted_name(installed.name) or fitted_name(installed.id) or "Application",
            "published": published.names(installed.command),
            "host": each.hosts[0],
            "missing": [told.host.name for told in answered if told.host.name not in each.hosts],
        }


class _Published:
    """Which applications of the tenant start what is installed: by the program without its folder, and arguments."""

    def __init__(self, services: PublicServices, tenant_id: str) -> None:
        self._names: dict[tuple[str, ...], list[str]] = {}
        for application in services.applications.list(tenant_id):
            if application.command:
                self._names.setdefault(_program(application.command), []).append(application.name)

    def names(self, command: Sequence[str]) -> Sequence[str]:
        return sorted(self._names.get(_program(command), ()))


def _program(command: Sequence[str]) -> tuple[str, ...]:
    if is_windows_program(command):
        return (PureWindowsPath(command[0]).name.lower(), *command[1:])
    return (PurePath(command[0]).name, *command[1:])


def _gathered(answered: Iterable[Told]) -> list[_Everywhere]:
    """By id and command, in the order of names. Of two hosts' words for one the first counts."""
    gathered: dict[tuple[str, tuple[str, ...]], _Everywhere] = {}
    for told in answered:
        for installed in told.applications:
            known = gathered.setdefault((installed.id, installed.command), _Everywhere(installed))
            known.hosts.append(told.host.name)
    return sorted(gathered.values(), key=lambda each: (each.installed.name.casefold(), each.installed.id))


def _one(values: Sequence[str]) -> str:
    """Raises InvalidInput where there are several."""
    if len(values) > 1:
        raise InvalidInput("host", "one host, or one group")
    return values[0] if values else ""


def _silent(told: Sequence[Told]) -> Refused | Unavailable:
    """Why nobody said anything."""
    if all(each.outcome == "older" for each in told):
        return Refused("host_too_old")
    names = ", ".join(each.host.name for each in told[:5])
    why: Mapping[str, str] = {"busy": "is asked too much at once", "failed": "could not look in time"}
    return Unavailable(
        "host_unreachable", f"The host {names} {why.get(told[0].outcome, 'cannot be asked now')}."
    )
