"""API tokens of the tenant: shown once when they are made, then seen by their public ids alone.

A token acts for a user. It never holds more than its user, nor than who made it: by its permissions, and by the
networks from which it is good.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from broker.audit.event import Object
from broker.http.admin.listing import listed
from broker.http.admin.roles import parse_permissions
from broker.http.audited import audited
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Caller, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer, done
from broker.identity.api_tokens import LIFETIME_SECONDS, Limits, new_api_token
from broker.repositories.api_tokens import UNKNOWN
from portcullis.errors import InvalidInput, Refused
from portcullis.ids import is_id
from portcullis.logs import ids
from portcullis.model.policy_values import NETWORKS, Network
from portcullis.model.roles import ENROL, PERMISSIONS
from portcullis.model.user import ApiToken, User

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/tokens"
MAXIMUM_DAYS = LIFETIME_SECONDS // (24 * 3600)
MAXIMUM_NOTE_LENGTH = 128
_NOTE_RULE = f"at most {MAXIMUM_NOTE_LENGTH} printable characters"


class TokenRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("tokens.read"), self.list),
            route("POST", PATH, Needs("tokens.write"), self.make),
            route("DELETE", PATH + "/{id}", Needs("tokens.write"), self.revoke),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        tokens = self._services.identity.tokens.list(request[CALLER].tenant.id)
        items = [self._view(token) for token in tokens]
        return await listed(request, items, self._services.snapshot.revision)

    async def make(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        fields = await read_fields(request)
        note = _note(fields)
        user, limits = self._limits(caller, fields)
        fields.finish()
        now = self._services.clock.now()
        secret, token = new_api_token(caller.tenant.id, user.id, note, now, limits)
        revision = await self._services.identity.tokens.create(token, user, caller.author)
        names = ids(tenant=caller.tenant.id, token=token.id, user=user.id, by=caller.user.id)
        log.info("API token made", extra=names)
        limits_told = {
            "user": user.name,
            "permissions": None if token.permissions is None else sorted(token.permissions),
            "networks": list(token.networks),
            "enrols": token.enrols,
            "expires": token.expires,
        }
        audited(request, type="token", object=Object("token", token.id, note), detail=limits_told)
        return answer({"token": secret.text, "record": self._view(token)}, 201, revision)

    def _limits(self, caller: Caller, fields: Fields) -> tuple[User, Limits]:
        """For whom, and within which limits. Raises InvalidInput, Refused("not_permitted")."""
        user = self._user(caller, fields)
        permissions, enrols = None, fields.flag("enrols", default=False)
        if fields.raw("permissions") is not None:
            permissions = parse_permissions(fields, frozenset(PERMISSIONS))
            enrols = enrols or ENROL in permissions
        networks = NETWORKS.parse(fields.raw("networks", []), "networks")
        days = fields.number("days", 1 / 24, MAXIMUM_DAYS, MAXIMUM_DAYS)
        held = self._services.identity.authority.permissions(caller.tenant.id, user)
        if permissions is not None and not permissions <= held:
            lacking = ", ".join(sorted(permissions - held))
            raise InvalidInput("permissions", f"what {user.name} may do: not {lacking}")
        if permissions is None and caller.token is not None and caller.token.permissions is not None:
            permissions = held & caller.permissions
        if enrols:
            permissions = None if permissions is None else permissions | {ENROL}
            caller.check(ENROL)
        caller.check_covers(held if permissions is None else permissions)
        _check_networks(caller, networks)
        return user, Limits(permissions, tuple(networks), days * 24 * 3600, enrols)

    def _user(self, caller: Caller, fields: Fields) -> User:
        name = fields.optional_text("user", "the name of a user", longest=256)
        if name is None and caller.home is None:
            return caller.user
        user = self._services.identity.users.by_name(caller.tenant.id, name or "")
        if user is None:
            raise InvalidInput("user", "the name of a user of the tenant")
        if user.disabled:
            raise Refused("user_disabled", "The account is disabled: enable it first.")
        return user

    async def revoke(self, request: web.Request) -> web.Response:
        caller, token_id = request[CALLER], request.match_info["id"]
        if not is_id(token_id):
            raise Refused("not_found", UNKNOWN)
        self._check_reach(caller, token_id)
        revision = await self._services.identity.tokens.revoke(caller.tenant.id, token_id, caller.author)
        await self._services.snapshot.until(revision)
        audited(request, type="token")
        log.info("API token revoked", extra=ids(tenant=caller.tenant.id, token=token_id, by=caller.user.id))
        return done(revision)

    def _check_reach(self, caller: Caller, token_id: str) -> None:
        """Nobody takes away tokens of who may do more. Raises Refused("not_permitted")."""
        identity = self._services.identity
        token = next((t for t in identity.tokens.list(caller.tenant.id) if t.id == token_id), None)
        user = token and identity.users.get(token.tenant_id, token.user_id)
        if user and user.id != caller.user.id:
            held = identity.authority.permissions(caller.tenant.id, user)
            caller.check_covers(held, "This token's user may do more than you.")

    def _view(self, token: ApiToken) -> dict[str, Any]:
        user = self._services.identity.users.get(token.tenant_id, token.user_id)
        return {
            "id": token.id,
            "user": {"id": token.user_id, "name": user.name if user else None},
            "note": token.note,
            "created": token.created,
            "expires": token.expires,
            "permissions": None if token.permissions is None else sorted(token.permissions),
            "networks": list(token.networks),
            "enrols": token.enrols,
        }


def _note(fields: Fields) -> str:
    """Raises InvalidInput."""
    note = fields.text("note", _NOTE_RULE, longest=MAXIMUM_NOTE_LENGTH) if fields.has("note") else ""
    if not note.isprintable():
        raise InvalidInput("note", _NOTE_RULE)
    return note


def _check_networks(caller: Caller, networks: Sequence[str]) -> None:
    """A token that is bound to networks makes none that goes beyond them. Raises Refused("not_permitted")."""
    bounds = [ipaddress.ip_network(bound) for bound in caller.token.networks] if caller.token else []
    within = networks and all(_is_inside(ipaddress.ip_network(network), bounds) for network in networks)
    if bounds and not within:
        raise Refused("not_permitted", "A token makes none that is good from other networks than its own.")


def _is_inside(network: Network, bounds: Sequence[Network]) -> bool:
    return any(
        isinstance(network, type(bound)) and network.subnet_of(bound)  # type: ignore[arg-type]
        for bound in bounds
    )
