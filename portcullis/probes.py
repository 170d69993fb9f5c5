"""The listener for those who watch a part: `/metrics`, `/healthz`, `/readyz` (docs/metrics.md).

Plain http without sign-in, for loopback; `Watch.check` refuses any other address unless it was asked for in so many
words. It shares the event loop with the part, so that an answer shows that the loop turns. Pages in browsers are
refused: a name that resolves to loopback must not let a stranger's page read it.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from portcullis.errors import InvalidInput
from portcullis.logs import ids
from portcullis.measuring import Metrics
from portcullis.settings import Address

log = logging.getLogger(__name__)

METRICS_HELP = "Where /metrics, /healthz and /readyz are served, HOST:PORT, by plain http; empty: nowhere."
METRICS_EXPOSED_HELP = "Allows --metrics beyond loopback: whoever reaches that port may read it."
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHUTDOWN_SECONDS = 1.0

Trouble = Callable[[], Sequence[str]]
"""Why the part may not be given work; empty when it may."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The settings `--metrics` and `--metrics-exposed`, as they were given."""

    address: Address | None = None
    exposed: bool = False

    @classmethod
    def of(cls, metrics: str, exposed: bool) -> Watch:
        """Raises InvalidInput for what is not an address, and for one beyond loopback that was not meant."""
        if not metrics:
            return cls(None, exposed)
        try:
            address = Address.parse(metrics)
        except ValueError as exc:
            raise InvalidInput("--metrics", "HOST:PORT") from exc
        if not exposed and not is_loopback(address.host):
            raise InvalidInput(
                "--metrics",
                f"a loopback address such as 127.0.0.1:{address.port}, or --metrics-exposed yes beside it: whoever "
                "reaches the port may read",
            )
        return cls(address, exposed)


class Probes:
    """`start`, then `stop`; `port` is the one that it got."""

    def __init__(self, metrics: Metrics, trouble: Trouble) -> None:
        self._metrics = metrics
        self._trouble = trouble
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, watch: Watch) -> None:
        """Nothing happens without an address. Raises OSError when it cannot be bound."""
        if watch.address is None:
            return
        application = web.Application(middlewares=[_no_pages])
        application.router.add_get("/metrics", self._show)
        application.router.add_get("/healthz", self._health)
        application.router.add_get("/readyz", self._ready)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, watch.address.host, watch.address.port)
        try:
            await site.start()
        except BaseException:
            await self.stop()
            raise
        self.port = self._runner.addresses[0][1]
        log.info("metrics are served", extra=ids(address=Address(watch.address.host, self.port)))

    async def stop(self) -> None:
        """Also after a `start` that did not happen."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _ready(self, request: web.Request) -> web.Response:
        reasons = list(self._trouble())
        if not reasons:
            return web.json_response({"status": "ok"})
        return web.json_response({"status": "unavailable", "reasons": reasons}, status=503)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@web.middleware
async def _no_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser says by whom it was asked to fetch; `none` is a person who typed the address."""
    if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
        raise web.HTTPForbidden(text="not for pages\n")
    return await handler(request)
