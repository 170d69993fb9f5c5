"""Signing in and out, and "who am I", which answers strangers too."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from aiohttp import web

from broker.http.audited import AuditTrail
from broker.http.body import Fields, parse_object
from broker.http.callers import caller_of, login_cookie_name
from broker.http.middleware import (
    CALLER,
    REVISION_HEADER,
    Caller,
    Policy,
    check_origin,
    login_of,
    route,
    signed_request,
)
from broker.http.platform.tenant_view import door_view
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.identity.authenticate import FactorRequired, SignedIn, SignIn
from broker.identity.lockout import NOTICED_FAILURES
from broker.identity.logins import LIFETIME_SECONDS
from broker.identity.passwords import MAXIMUM_PASSWORD_BYTES
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.logs import ids
from portcullis.tickets import from_base64url, parse_client_key

log = logging.getLogger(__name__)

PATH = "/api/v1/login"


class LoginRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._identity = services.identity
        self._trail = AuditTrail(services)

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Policy.ANYONE, self.show),
            route("POST", PATH, Policy.ANYONE, self.sign_in),
            route("DELETE", PATH, Policy.BROWSER, self.sign_out, repeatable=True, without_grid=True),
        ]

    async def show(self, request: web.Request) -> web.Response:
        caller = request.get(CALLER)
        if caller:
            return answer(self._signed_in_view(caller))
        return answer(
            {
                "signed_in": False,
                **self._door(_origin(request)),
                "gateways": self._services.gateways.serving_origins(),
                "time": self._services.clock.now(),
            }
        )

    def _door(self, origin: str) -> dict[str, Any]:
        """Which organisations one may sign in to here. Under a tenant's own host name it is that one, and its theme is
        shown; elsewhere a stranger learns of none.
        """
        if (tenant := self._identity.tenants.by_origin(origin)) is not None:
            return {"organisations": [], "theme": door_view(tenant)}
        tenants = self._identity.tenants.list()
        if len(tenants) == 1:
            return {"organisations": [], "theme": door_view(tenants[0])}
        return {"organisations": ["?"], "theme": None}

    async def sign_in(self, request: web.Request) -> web.Response:
        """The key that is presented signs the request itself: it is the browser's own, and no page of another
        site could have made it do so."""
        check_origin(request, self._services.gateways.public_origins())
        signed = await signed_request(request)
        fields = Fields(parse_object(signed.body))
        client_key = _client_key(fields)
        nonce = self._identity.signatures.check(signed, client_key).nonce
        wanted = replace(
            _sign_in(fields, client_key, nonce), at=self._identity.tenants.by_origin(_origin(request))
        )
        try:
            outcome = await self._identity.authenticator.sign_in(wanted)
        except Refused as error:
            await self._trail.sign_in_refused(request, wanted, error)
            raise
        if isinstance(outcome, FactorRequired):
            return answer({"factor_required": True})
        return await self._welcome(request, outcome)

    async def sign_out(self, request: web.Request) -> web.Response:
        login = login_of(request)
        await self._services.acts.end_login(login)
        await self._trail.signed_out(request)
        revision = self._services.snapshot.revision
        log.info("signed out", extra=ids(tenant=login.tenant_id, user=login.user_id))
        response = web.Response(status=204, headers={REVISION_HEADER: str(revision)})
        response.del_cookie(
            login_cookie_name(self._identity.tenants.site()),
            path="/",
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        return response

    async def _welcome(self, request: web.Request, signed_in: SignedIn) -> web.Response:
        """Who may change anything does not get in unrecorded."""
        caller = caller_of(self._identity, signed_in.tenant, signed_in.user, login=signed_in.login)
        try:
            await self._trail.signed_in(request, caller)
        except Unavailable:
            await self._services.acts.end_login(signed_in.login)
            raise
        log.info("signed in", extra=ids(tenant=caller.tenant.id, user=caller.user.id, role=caller.role))
        view = self._signed_in_view(caller)
        if signed_in.recovery_codes_left is not None:
            view["recovery_codes_left"] = signed_in.recovery_codes_left
        if signed_in.failed_before >= NOTICED_FAILURES:
            view["failed_sign_ins"] = signed_in.failed_before
        response = answer(view, revision=signed_in.revision)
        response.set_cookie(
            login_cookie_name(self._identity.tenants.site()),
            signed_in.secret.text,
            path="/",
            secure=True,
            httponly=True,
            samesite="Strict",
            max_age=LIFETIME_SECONDS,
        )
        return response

    def _signed_in_view(self, caller: Caller) -> dict[str, Any]:
        return {
            "signed_in": True,
            "user": {"id": caller.user.id, "name": caller.user.name},
            "tenant": {"id": caller.tenant.id, "name": caller.tenant.name},
            "theme": door_view(caller.tenant),
            "role": caller.role,
            "permissions": sorted(caller.permissions),
            "expires": caller.expires,
            "gateways": self._services.gateways.serving_origins(),
            "time": self._services.clock.now(),
        }


def _origin(request: web.Request) -> str:
    """Under which the gateway was called."""
    return request.headers.get("Portcullis-Origin", "")


def _client_key(fields: Fields) -> bytes:
    text = fields.text("client_key", "base64url of a raw 65-byte P-256 point", longest=100)
    try:
        raw = from_base64url(text)
    except ValueError as exc:
        raise InvalidInput("client_key", "base64url of a raw 65-byte P-256 point") from exc
    parse_client_key(raw)
    return raw


def _sign_in(fields: Fields, client_key: bytes, nonce: str) -> SignIn:
    """Only shapes are checked here: what could belong to no account is a wrong one like any other."""
    request = SignIn(
        organisation=fields.optional_text("organisation", "1 to 256 characters", longest=256),
        username=fields.text("username", "1 to 256 characters", longest=256),
        password=fields.text(
            "password", f"1 to {MAXIMUM_PASSWORD_BYTES} characters", longest=MAXIMUM_PASSWORD_BYTES
        ),
        code=fields.optional_text("code", "a verification code or a recovery code", longest=64),
        client_key=client_key,
        nonce=nonce,
    )
    fields.finish()
    return request
