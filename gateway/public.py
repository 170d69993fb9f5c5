"""The public listener's application: what browsers and scripts may ask of a gateway.

`/stream`, `/api/v1/...`, the web client's files, `/healthz`, `/readyz`; nothing else. A request must call the site
by one of its public origins (a foreign name that resolves to us could make a browser lend us its cookies or its
trust): a stray navigation is sent to the right origin, anything else is misdirected. Every answer carries the
security headers; a page of another gateway of the site may read what the API says, and no other page.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from gateway.api_proxy import METHODS, PREFIX, ApiProxy
from gateway.brokers import Brokers
from gateway.errors import api_error, errors_as_json
from gateway.origins import Origins
from gateway.security_headers import SERVER, preflight_headers, security_headers, sharing_headers
from gateway.static import StaticFiles
from gateway.streams import Streams
from portcullis.errors import InvalidInput
from portcullis.serving.guard import guarded
from portcullis.settings import Address

HEALTH = "/healthz"
READY = "/readyz"


def public_app(
    brokers: Brokers,
    api: ApiProxy,
    streams: Streams,
    files: StaticFiles,
    is_publicly_trusted: Callable[[], bool],
) -> web.Application:
    async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = SERVER
        if response.status != 101:
            host = request.headers.get("Host", "")
            response.headers.update(security_headers(brokers.origins, host, hsts=is_publicly_trusted()))
            response.headers.update(_shared_with(request, brokers.origins))

    async def health(request: web.Request) -> web.Response:
        return _status("ok" if brokers.live else "unavailable")

    async def ready(request: web.Request) -> web.Response:
        """For load balancers: whether new connections belong here."""
        return _status("draining" if streams.draining else "ok" if brokers.live else "unavailable")

    async def preflight(request: web.Request) -> web.Response:
        if not _shared_with(request, brokers.origins):
            raise web.HTTPMethodNotAllowed(request.method, METHODS)
        return web.Response(status=204, headers=preflight_headers(METHODS))

    app = web.Application(middlewares=[guarded, errors_as_json, _called_by_name(brokers)])
    app.on_response_prepare.append(add_security_headers)
    app.router.add_get(HEALTH, health)
    app.router.add_get(READY, ready)
    app.router.add_get("/stream", streams.serve)
    app.router.add_route("OPTIONS", PREFIX + "{path:.*}", preflight)
    app.router.add_route("*", PREFIX + "{path:.*}", api.serve)
    app.router.add_get("/{path:.*}", files.serve)
    return app


def check_public_address(address: Address) -> None:
    """Plain http is a secure context on loopback alone. Raises InvalidInput."""
    if address.host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InvalidInput(
            "--listen", f"a loopback address such as 127.0.0.1:{address.port}: without TLS no other is served"
        )


def _called_by_name(brokers: Brokers) -> Middleware:
    @web.middleware
    async def called_by_name(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_plain_http(request):
            raise web.HTTPBadRequest(reason="expected HTTP/1.1")
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not request.raw_path.startswith("/"):
            raise web.HTTPBadRequest(reason="expected one Host and a path")
        if request.path in (HEALTH, READY) or brokers.origins.called_by(hosts[0]) is not None:
            return await handler(request)
        if _is_navigation(request):
            target = brokers.origins.nearest(hosts[0]) + request.raw_path
            return web.Response(status=308, headers={"Location": target, "Cache-Control": "no-store"})
        return api_error(421, "not_found", "This name is not served here.")

    return called_by_name


def _shared_with(request: web.BaseRequest, origins: Origins) -> dict[str, str]:
    """What lets a page of another gateway read the answer of the API, and of health, by which it looks for a way."""
    if not request.path.startswith((PREFIX, HEALTH)):
        return {}
    named = request.headers.getall("Origin", [])
    return sharing_headers(origins, named[0] if len(named) == 1 else None, request.headers.get("Host", ""))


def _status(status: str) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.json_response({"status": status}, status=200 if status == "ok" else 503, headers=headers)


def _is_plain_http(request: web.Request) -> bool:
    """Not a later version's name in this one's syntax; before 1.1 there were no chunks (RFC 9112 6.1)."""
    return request.version == HttpVersion11 or (
        request.version == HttpVersion10 and "Transfer-Encoding" not in request.headers
    )


def _is_navigation(request: web.Request) -> bool:
    mode = request.headers.get("Sec-Fetch-Mode")
    accepts_page = "text/html" in request.headers.get("Accept", "")
    return request.method == "GET" and (mode == "navigate" if mode is not None else accepts_page)
