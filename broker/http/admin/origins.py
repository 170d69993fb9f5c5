"""Under which names browsers reach the site: the site's own setting, and what its gateways registered."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web

from broker.http.body import read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.pki.claims import parse_origin
from portcullis.errors import InvalidInput
from portcullis.logs import ids

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/site/origins"
MAXIMUM_ORIGINS = 32
_EXPECTED = f"a list of 1 to {MAXIMUM_ORIGINS} origins such as https://apps.example.com"


class OriginRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("status.read"), self.show),
            route("PUT", PATH, Needs("platform.site.write"), self.change),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return answer(self._view())

    async def change(self, request: web.Request) -> web.Response:
        """Every page of the site takes part of its trust from this list."""
        caller = request[CALLER]
        fields = await read_fields(request)
        origins = _parse(fields.raw("origins"))
        fields.finish()
        revision = await self._services.site_origins.put(origins)
        log.info("public origins: %s", ", ".join(origins), extra=ids(by=caller.user.id))
        return answer(self._view(), revision=revision)

    def _view(self) -> dict[str, Any]:
        gateways = sorted(self._services.gateways.list(), key=lambda gateway: gateway.name)
        return {
            "origins": list(self._services.site_origins.get()),
            "gateways": [
                {"name": gateway.name, "public_origin": gateway.public_origin}
                for gateway in gateways
                if not gateway.revoked
            ],
        }


def _parse(value: object) -> tuple[str, ...]:
    """Each once. Raises InvalidInput."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAXIMUM_ORIGINS:
        raise InvalidInput("origins", _EXPECTED)
    if not all(isinstance(text, str) for text in value):
        raise InvalidInput("origins", _EXPECTED)
    try:
        return tuple(dict.fromkeys(parse_origin(text) for text in value))
    except InvalidInput as exc:
        raise InvalidInput("origins", exc.expected) from exc
