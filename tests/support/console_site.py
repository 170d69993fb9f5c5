"""The console's files before the broker's real parts, in one process: only TLS and the machines are missing.

    async with console_site(tmp_path) as site:
        await site.let_in(context, site.api.acme.root)
        await page.goto(f"{site.url}/admin.html")

A little gateway serves the files under the real security headers and passes the API on.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import aiohttp
from aiohttp import web
from playwright.async_api import BrowserContext

from gateway.security_headers import security_headers
from gateway.static import StaticFiles
from portcullis.ids import new_id
from portcullis.model.host import Gateway
from portcullis.tickets import from_base64url
from tests.support.api_site import COOKIE, Account, ApiSite, api_site
from web_client import ROOT

_MAKE_KEY = """async () => {
    const { generateKey, publicKey } = await import('/api/signing.js');
    const { saveKey } = await import('/api/key_store.js');
    const key = await generateKey();
    await saveKey(key);
    return publicKey(key);
}"""
_PASSED_ON = (
    "Content-Type",
    "Portcullis-Revision",
    "Portcullis-Signature",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
)


@dataclass
class ConsoleSite:
    api: ApiSite
    url: str = ""
    outage: bool = False
    """The gateway finds no broker."""
    requests: list[str] = field(default_factory=list)
    """Methods and paths of the API, as they came."""
    _http: aiohttp.ClientSession | None = None

    async def let_in(self, context: BrowserContext, account: Account) -> None:
        """As after a sign-in: the browser has the key and the cookie of a login."""
        page = await context.new_page()
        await page.goto(f"{self.url}/styles/icon.svg")
        key = from_base64url(await page.evaluate(_MAKE_KEY))
        await page.close()
        browser = SimpleNamespace(key=SimpleNamespace(public=key), cookies={})
        await self.api.let_in(browser, account)  # type: ignore[arg-type]
        await context.add_cookies(
            [
                {
                    "name": COOKIE,
                    "value": browser.cookies[COOKIE],
                    "domain": "localhost",
                    "path": "/",
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Strict",
                }
            ]
        )

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.outage:
            return web.json_response({"error": {"code": "unavailable", "message": "No broker."}}, status=503)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers |= {"Portcullis-Origin": self.url, "Portcullis-Client-Address": "192.0.2.7"}
        assert self._http is not None
        async with self._http.request(
            request.method,
            self.api.brokers[0].address + request.path_qs,
            headers=headers,
            data=await request.read(),
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k in ("Content-Type", "Portcullis-Revision")}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response


@asynccontextmanager
async def console_site(folder: Path, *, tenants: int = 1) -> AsyncIterator[ConsoleSite]:
    async with AsyncExitStack() as undo:
        api = await undo.enter_async_context(api_site(folder, tenants=tenants))
        api.clock.wall = time.time()
        site = ConsoleSite(api)
        timeout = aiohttp.ClientTimeout(total=None)
        site._http = await undo.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        )
        site.url = await undo.enter_async_context(_front(site))
        await api.put_gateway(Gateway(new_id(), "front", "127.0.0.1:9", site.url))
        yield site


@asynccontextmanager
async def _front(site: ConsoleSite) -> AsyncIterator[str]:
    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(security_headers(None))

    app = web.Application()
    app.on_response_prepare.append(add_headers)
    app.add_routes(
        [web.route("*", "/api/v1/{path:.*}", site.pass_on), web.get("/{path:.*}", StaticFiles(ROOT).serve)]
    )
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
