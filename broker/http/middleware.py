"""The way into the API: errors leave as JSON, callers are known and permitted before a handler runs.

What a route asks of its callers is said where it is made (`broker/http/access.py`). `public_middlewares`
(broker/http/public.py) puts the pieces in order. Routes outside `/api/v1/` (the inner API) share `errors_as_json` and
identify their callers by certificate themselves.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Collection

from aiohttp import web

from broker.grid.grid import GridError, GridUnavailable
from broker.http.access import (
    CALLER,
    ONCE,
    PREFIX,
    READS,
    Access,
    Caller,
    Handler,
    Needs,
    Policy,
    access_of,
    check_policies,
    goes_without_grid,
    is_repeatable,
    login_of,
    route,
)
from broker.http.body import read_body
from broker.http.callers import Callers, acted_in
from broker.http.errors import error_response
from broker.http.services import PublicServices
from broker.identity.request_signature import SignedRequest
from broker.repositories.nonces import Once
from portcullis.errors import PortcullisError, Refused, Unavailable
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.model.user import Login

__all__ = [
    "CALLER",
    "ONCE",
    "REVISION_HEADER",
    "Caller",
    "Entrance",
    "Needs",
    "Policy",
    "check_origin",
    "check_policies",
    "errors_as_json",
    "login_of",
    "route",
    "signed_request",
]

log = logging.getLogger(__name__)

REVISION_HEADER = "Portcullis-Revision"
REVISION_WAIT_SECONDS = 1.0
WRITABLE_WAIT_SECONDS = 2.0
NONCE_SECONDS = 0.75
"""How long what needs no grid waits for it."""
_GRID_CODES = frozenset({"unavailable", "grid_unavailable"})
_REVISION = re.compile(r"[0-9]{1,18}", re.ASCII)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PortcullisError as error:
        _log_refusal(request, error)
        return error_response(error)
    except GridUnavailable as error:
        log.warning("the grid did not answer", extra=ids(path=request.path), exc_info=error)
        return error_response(Unavailable())
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return error_response(Refused("not_found" if answer.status in (404, 405) else "invalid_request"))
    except Exception:  # its text may hold secrets: the caller gets a reference, the log the rest
        reference = new_id()
        log.exception(
            "request failed", extra=ids(reference=reference, method=request.method, path=request.path)
        )
        return error_response(PortcullisError("internal_error", reference=reference))


class Entrance:
    """Lets a request of the public API through to its handler, with `request[CALLER]` set if there is one."""

    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._identity = services.identity
        self._callers = Callers(services)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX):
            return await handler(request)
        if not self._services.from_gateway(request):
            raise Refused("certificate_refused")
        if request.match_info.http_exception is not None:
            raise Refused("not_found")
        access = access_of(request.match_info.handler)
        if access is None:
            raise LookupError(f"{request.path} declares no policy")
        if request.method not in READS:
            await self._services.clock_guard.check()
        await self._wait_for_revision(request)
        caller = self._callers.identify(request, access)
        if caller:
            request[CALLER] = caller
        _permit(access, caller)
        if not goes_without_grid(request.match_info.handler):
            await self._until_writable()
        if caller and caller.login and access is not Policy.ANYONE and request.method not in READS:
            await self._check_change(request, caller.login)
        try:
            return await self._handle(request, handler, caller)
        except (GridUnavailable, Unavailable) as exc:
            if self._services.health.writable or getattr(exc, "code", "") not in _GRID_CODES:
                raise
            raise _degraded() from exc

    async def _until_writable(self) -> None:
        """In degraded mode a change waits for a moment: the grid may just be choosing a new leader."""
        health = self._services.health
        if not health.writable and not await health.until_writable(WRITABLE_WAIT_SECONDS):
            raise _degraded()

    async def _handle(
        self, request: web.Request, handler: Handler, caller: Caller | None
    ) -> web.StreamResponse:
        revision = self._services.snapshot.revision
        response = await handler(request)
        if not response.prepared:
            response.headers.setdefault("Cache-Control", "no-store")
            if caller:
                response.headers.setdefault(REVISION_HEADER, str(revision))
        return response

    async def _wait_for_revision(self, request: web.Request) -> None:
        text = request.headers.get(REVISION_HEADER)
        if text is None:
            return
        if not _REVISION.fullmatch(text):
            raise Refused("invalid_request", f"{REVISION_HEADER} is not a number.")
        reached = await self._services.snapshot.until(int(text), REVISION_WAIT_SECONDS)
        may_be_old = request.method in READS or goes_without_grid(request.match_info.handler)
        if not (reached or may_be_old) and await self._is_behind():
            raise Unavailable("broker_behind")

    async def _is_behind(self) -> bool:
        """Whether the grid has gone on without this broker. Else the revision is of another grid, before a restore."""
        try:
            return await self._services.snapshot.newest() > self._services.snapshot.revision
        except GridUnavailable:
            return True

    async def _check_change(self, request: web.Request, login: Login) -> None:
        """A change by a browser: from our own page, signed by the login's key. One that is put to a second broker,
        because the first was lost, is done again where that does no harm. Raises Refused("outcome_unknown").
        """
        check_origin(request, self._services.gateways.public_origins())
        signed = await signed_request(request)
        once = await self._accept(request, login, signed)
        if once is None:
            return
        if once.again and not is_repeatable(request.match_info.handler):
            raise Refused("outcome_unknown")
        request[ONCE] = once

    async def _accept(self, request: web.Request, login: Login, signed: SignedRequest) -> Once | None:
        """None where the nonce is kept in memory, because the grid does not answer and the change can do without."""
        signatures = self._identity.signatures
        if not goes_without_grid(request.match_info.handler):
            return await signatures.accept(login, signed)
        if self._services.health.writable:
            try:
                async with asyncio.timeout(NONCE_SECONDS):
                    return await signatures.accept(login, signed)
            except (GridError, Unavailable, TimeoutError) as exc:
                log.info("a nonce is kept in memory: %r", exc, extra=ids(path=request.path))
        signatures.accept_here(login, signed)
        return None


def check_origin(request: web.Request, public_origins: Collection[str]) -> None:
    """The page that sent this is one that a gateway of the site serves. Raises Refused("origin_refused").

    The gateway says in `Portcullis-Origin` which public origin was called, and removes what a client put there. A page
    whose own gateway does not answer calls another one's origin.
    """
    called = request.headers.getall("Portcullis-Origin", [])
    named = request.headers.getall("Origin", [])
    if len(called) != 1 or called[0] not in public_origins:
        raise Refused("origin_refused")
    if len(named) != 1 or named[0] not in public_origins:
        raise Refused("origin_refused")
    allowed = {"same-origin"} if named == called else {"same-site"}
    if set(request.headers.getall("Sec-Fetch-Site", [])) - allowed:
        raise Refused("origin_refused")


async def signed_request(request: web.Request) -> SignedRequest:
    headers = request.headers.getall("Portcullis-Signature", [])
    header = headers[0] if len(headers) == 1 else None
    named = acted_in(request)
    target = request.raw_path if named is None else f"{request.raw_path} {named}"
    return SignedRequest(request.method, target, await read_body(request), header)


def _degraded() -> Unavailable:
    return Unavailable("grid_degraded", retry_after_seconds=math.ceil(WRITABLE_WAIT_SECONDS))


def _permit(access: Access, caller: Caller | None) -> None:
    if access is Policy.ANYONE:
        return
    if caller is None:
        raise Refused("signed_out")
    if access is Policy.BROWSER and caller.login is None:
        raise Refused("not_permitted", "Only a browser that signed in can do this.")
    if isinstance(access, Needs):
        caller.check(access.permission)


def _log_refusal(request: web.Request, error: PortcullisError) -> None:
    caller = request.get(CALLER)
    log.info(
        "request refused",
        extra=ids(
            code=error.code,
            method=request.method,
            path=request.path,
            tenant=caller.tenant.id if caller else None,
            user=caller.user.id if caller else None,
            client=request.headers.get("Portcullis-Client-Address"),
        ),
    )
