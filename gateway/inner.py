"""The inner listener's application: agents' standing links and workers' dials (docs/protocol.md 3).

TLS 1.3 under the CA of the site. A certificate of a host opens `/link`; a worker has none: its rendezvous lets it in.
Anything else is 404: nobody without a right learns what is served here.
"""

from __future__ import annotations

import logging

from aiohttp import web

from gateway.links import Links
from gateway.rendezvous import Rendezvous
from gateway.splice import End
from gateway.takeover import asks_for, has_body, take_over
from portcullis.logs import ids
from portcullis.protocol.link import RENDEZVOUS_HEADER, RENDEZVOUS_UPGRADE, SESSION_HEADER
from portcullis.serving.guard import guarded
from portcullis.site_tls import peer_identity

log = logging.getLogger(__name__)

_SWITCHED = {"Connection": "Upgrade", "Upgrade": RENDEZVOUS_UPGRADE}


def inner_app(site_id: str, links: Links, rendezvous: Rendezvous) -> web.Application:
    async def link(request: web.Request) -> web.StreamResponse:
        host = _host_of(request, site_id)
        if host is None:
            raise web.HTTPNotFound
        return await links.serve(request, host)

    async def dial(request: web.Request) -> web.StreamResponse:
        return await _dial(request, rendezvous)

    app = web.Application(middlewares=[guarded])
    app.router.add_get("/link", link)
    app.router.add_get("/rendezvous", dial)
    return app


def _host_of(request: web.Request, site_id: str) -> str | None:
    certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
    identity = peer_identity(certificate)
    if identity is None or identity.role != "host" or identity.site_id != site_id:
        return None
    return identity.id


async def _dial(request: web.Request, rendezvous: Rendezvous) -> web.StreamResponse:
    """A worker's end of a stream. The handler lives as long as it does."""
    if not asks_for(request, RENDEZVOUS_UPGRADE) or has_body(request):
        raise web.HTTPNotFound
    session = request.headers.get(SESSION_HEADER, "")
    expected = rendezvous.claim(request.headers.get(RENDEZVOUS_HEADER, ""), session)
    if expected is None:
        log.warning("rendezvous refused", extra=ids(client=request.remote))
        raise web.HTTPNotFound
    response, worker = await take_over(request, _SWITCHED, End)
    try:
        if expected.deliver(worker):
            await worker.closed
    finally:
        worker.close()
    return response
