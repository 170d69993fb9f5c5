"""API tokens of the tenant: seen by their public ids, never by their text."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web

from broker.http.admin.listing import listed
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import done
from portcullis.errors import Refused
from portcullis.ids import is_id
from portcullis.logs import ids
from portcullis.model.user import ApiToken

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/tokens"


class TokenRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("tokens.read"), self.list),
            route("DELETE", PATH + "/{id}", Needs("tokens.write"), self.revoke),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        tokens = self._services.identity.tokens.list(request[CALLER].tenant.id)
        items = [self._view(token) for token in tokens]
        return await listed(request, items, self._services.snapshot.revision)

    async def revoke(self, request: web.Request) -> web.Response:
        caller, token_id = request[CALLER], request.match_info["id"]
        if not is_id(token_id):
            raise Refused("not_found")
        revision = await self._services.identity.tokens.revoke(caller.tenant.id, token_id, caller.author)
        await self._services.snapshot.until(revision)
        log.info("API token revoked", extra=ids(tenant=caller.tenant.id, token=token_id, by=caller.user.id))
        return done(revision)

    def _view(self, token: ApiToken) -> dict[str, Any]:
        user = self._services.identity.users.get(token.tenant_id, token.user_id)
        return {
            "id": token.id,
            "user": {"id": token.user_id, "name": user.name if user else None},
            "note": token.note,
            "created": token.created,
            "expires": token.expires,
        }
