"""The console before a whole broker, in one process: the machines alone are missing, and tests play them.

    async with console_site(tmp_path) as site:
        await site.let_in(context)
        await page.goto(f"{site.url}/admin.html")

A little gateway serves the files under the real security headers and passes the API on.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from playwright.async_api import BrowserContext
from yarl import URL

from broker.http.callers import login_cookie_name
from broker.identity.logins import LIFETIME_SECONDS, new_login
from broker.repositories.logins import login_creation
from gateway.security_headers import security_headers
from gateway.static import StaticFiles
from portcullis.tickets import from_base64url
from tests.support.running_broker import RunningBroker, running_broker
from web_client import ROOT

_MAKE_KEY = """async () => {
    const { generateKey, publicKey } = await import('/api/signing.js');
    const { saveKey } = await import('/api/key_store.js');
    const key = await generateKey();
    await saveKey(key);
    return publicKey(key);
}"""
_PASSED_ON = (
    "Accept",
    "Portcullis-Tenant",
    "Content-Type",
    "Portcullis-Revision",
    "Portcullis-Signature",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
)


_PASSED_BACK = ("Content-Type", "Portcullis-Revision", "Set-Cookie")


class NotDone(AssertionError):
    """What the API refused: method, path, status, body."""


@dataclass
class ConsoleSite:
    url: str = ""
    outage: bool = False
    """The gateway finds no broker."""
    requests: list[str] = field(default_factory=list)
    """Methods and paths of the API, as they came."""
    _broker: RunningBroker | None = None
    _http: aiohttp.ClientSession | None = None

    @property
    def broker(self) -> RunningBroker:
        assert self._broker is not None
        return self._broker

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """As a script of the administrator's."""
        assert self._http is not None
        headers = {"Authorization": f"Bearer {self.broker.secrets.api_token}"}
        url = f"https://{self.broker.broker.address}/api/v1/admin/{path}"
        context = self.broker.context("gateway")
        async with self._http.request(method, url, json=body, headers=headers, ssl=context) as answer:
            text = await answer.text()
            if answer.status >= 300:
                raise NotDone(method, path, answer.status, text)
            return await answer.json() if text else None

    async def let_in(self, context: BrowserContext, user: str = "admin") -> None:
        """As after a sign-in: the browser has the key and the cookie of a login."""
        page = await context.new_page()
        await page.goto(f"{self.url}/styles/icon.svg")
        key = from_base64url(await page.evaluate(_MAKE_KEY))
        await page.close()
        parts, tenant = self.broker.parts, self.broker.tenant
        user_id = next(each.id for each in parts.identity.users.list(tenant) if each.name == user)
        secret, login = new_login(tenant, user_id, key, time.time())
        lease = await parts.stores.grid.lease(LIFETIME_SECONDS)
        made = login_creation(await parts.stores.tenant(tenant), login, lease.id)
        assert await parts.snapshot.until((await parts.stores.commit(made)).revision)
        cookie = {
            "name": login_cookie_name(parts.identity.tenants.site()),
            "value": secret.text,
            "domain": "localhost",
            "path": "/",
        }
        await context.add_cookies([{**cookie, "secure": True, "httpOnly": True, "sameSite": "Strict"}])  # type: ignore[typeddict-item]

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.outage:
            return web.json_response({"error": {"code": "unavailable", "message": "No broker."}}, status=503)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers |= {"Portcullis-Origin": self.url, "Portcullis-Client-Address": "192.0.2.7"}
        assert self._http is not None
        async with self._http.request(
            request.method,
            # As it came: the signature is over these very bytes.
            URL(f"https://{self.broker.broker.address}{request.raw_path}", encoded=True),
            headers=headers,
            data=await request.read(),
            ssl=self.broker.context("gateway"),
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k in _PASSED_BACK}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response


@asynccontextmanager
async def console_site(folder: Path) -> AsyncIterator[ConsoleSite]:
    site = ConsoleSite()
    async with AsyncExitStack() as undo:
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False)
        site._http = await undo.enter_async_context(session)
        site.url = await undo.enter_async_context(_front(site))
        site._broker = await undo.enter_async_context(running_broker(folder, site.url))
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
