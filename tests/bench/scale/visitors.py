"""Signed-in browsers of a bench, which launch over HTTP as a gateway passes them on: over mTLS, cookie and signature.

Their logins are written straight into the grid: a sign-in is measured elsewhere (`bench_signin`).
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from broker.grid.opening import open_grid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.http.callers import login_cookie_name
from broker.identity.logins import new_login
from portcullis.enrolment.credentials import client_context
from portcullis.enrolment.joining import join
from portcullis.model.tenant import Site as SiteRecord
from tests.bench.scale.population import APPLICATION, id_of
from tests.bench.scale.site import BigSite
from tests.support.browser import ApiBrowser, ClientKey

ORIGIN = "http://localhost:8080"
AT_ONCE = 50


class Visitors:
    """Of the users from `first` on, one launch each. `come` first."""

    def __init__(self, site: BigSite, first: int, count: int) -> None:
        self._site = site
        self._users = range(first, first + count)
        self._key = ClientKey()
        self._cookies: list[str] = []

    async def come(self) -> None:
        """Sign everybody in."""
        grid = await open_grid(self._site.cluster.choice(self._site.state), may_create=False)
        try:
            stores = Stores(grid, SiteKey.load(self._site.state / "site.key"))
            tenant = await stores.tenant(self._site.tenant_id)
            now = stores.clock.now()
            for start in range(0, len(self._users), AT_ONCE):
                puts = []
                for number in self._users[start : start + AT_ONCE]:
                    user = id_of("user", number)
                    secret, login = new_login(self._site.tenant_id, user, self._key.public, now)
                    self._cookies.append(secret.text)
                    puts.append(tenant.put(("login", login.hash), login.to_json()))
                await stores.commit(*puts)
            meta = await stores.site.get(("meta",))
            assert meta is not None
            self._cookie_name = login_cookie_name(SiteRecord.from_json(meta.value))
        finally:
            await grid.close()

    async def launch(
        self, ports: Sequence[int], in_flight: int, seconds: float, gateway: Path
    ) -> tuple[float, list[float], dict[str, int]]:
        """Launches a second at these brokers, `in_flight` at each, the seconds of each, and what was refused."""
        context = await self._gateway(ports[0], gateway)
        cookies, times, refused = iter(self._cookies), [], dict[str, int]()
        body = {"application": APPLICATION.id, "display": {"width": 1280, "height": 720}}
        until = time.perf_counter() + seconds

        async def one_after_the_other(browser: ApiBrowser) -> None:
            while (begun := time.perf_counter()) < until:
                browser.cookies = {self._cookie_name: next(cookies)}
                answer = await browser.change("POST", "/api/v1/sessions", body)
                if answer.status == 201:
                    times.append(time.perf_counter() - begun)
                else:
                    code = str(answer.json["error"]["code"])
                    refused[code] = refused.get(code, 0) + 1

        async with AsyncExitStack() as stack:
            browsers = [
                await stack.enter_async_context(
                    ApiBrowser(
                        f"https://127.0.0.1:{port}", ORIGIN, as_gateway=True, key=self._key, context=context
                    )
                )
                for port in ports
                for _ in range(in_flight)
            ]
            begun = time.perf_counter()
            await asyncio.gather(*map(one_after_the_other, browsers))
        return len(times) / (time.perf_counter() - begun), times, refused

    async def _gateway(self, port: int, folder: Path) -> ssl.SSLContext:
        token = json.loads((self._site.state / "secrets.json").read_text())["gateway_join_token"]
        claims = {"address": "127.0.0.1:9443", "public_origin": ORIGIN}
        return client_context(await join(f"127.0.0.1:{port}", token, "gw", folder, **claims))
