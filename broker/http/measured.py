"""Requests counted on their way: seconds by route and status, and how sign-ins and redeems came out.

Stands inside `errors_as_json`, where a refusal still is an exception with its code.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from broker.grid.grid import GridUnavailable
from broker.http.errors import status_of
from portcullis.clock import Clock
from portcullis.errors import PortcullisError
from portcullis.measuring import Metrics
from portcullis.metrics import API_SECONDS, REDEEMS, SIGN_INS

SIGN_IN = ("POST", "/api/v1/login")
STREAM = "stream"
GONE = 499
"""The client has left before its answer."""
REDEEM = ("POST", "/inner/v1/redeem")


def measured(metrics: Metrics, clock: Clock) -> Middleware:
    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = clock.monotonic()
        status, code = 500, "other"
        try:
            response = await handler(request)
            status, code = response.status, STREAM if _is_stream(response) else _outcome(response)
            return response
        except asyncio.CancelledError:
            status = GONE
            raise
        except PortcullisError as error:
            status, code = status_of(error), error.code
            raise
        except GridUnavailable:
            status, code = 503, "unavailable"
            raise
        except web.HTTPException as answer:
            status = answer.status
            raise
        finally:
            _count(metrics, request, clock.monotonic() - begun, status, code)

    return measure


def routes_of(application: web.Application) -> set[str]:
    """The templates of all routes: what `route` may be."""
    return {resource.canonical for resource in application.router.resources()}


def _count(metrics: Metrics, request: web.Request, seconds: float, status: int, code: str) -> None:
    route = request.match_info.route.resource
    template = route.canonical if route is not None else "other"
    if code != STREAM:
        metrics.observe(API_SECONDS, seconds, route=template, status=f"{status // 100}xx")
    if (request.method, template) == SIGN_IN:
        metrics.count(SIGN_INS, outcome=code)
    elif (request.method, template) == REDEEM:
        metrics.count(REDEEMS, outcome="redeemed" if status == 200 else code)


def _is_stream(response: web.StreamResponse) -> bool:
    """One that lasts as long as somebody listens says nothing about how fast we are."""
    return isinstance(response, web.WebSocketResponse) or response.content_type == "text/event-stream"


def _outcome(response: web.StreamResponse) -> str:
    """Of a sign-in that was not refused: the cookie comes with the login."""
    return "signed_in" if response.cookies else "factor_required"
