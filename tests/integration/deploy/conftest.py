"""An operator at a shell: deploy/tenants as it is, with the real command, against a broker's real API."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from broker.repositories.hosts import live_path
from portcullis.model.host import LiveHost
from tests.support.api_site import ApiSite, api_site, serving

SCRIPTS = Path(__file__).parents[3] / "deploy/tenants"
PASSED_ON = ("Authorization", "Portcullis-Tenant", "Content-Type")


@dataclass
class Result:
    code: int | None
    out: str


@dataclass
class Operator:
    """Acme's root, who is a platform administrator, at a shell."""

    site: ApiSite
    url: str
    profile: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PORTCULLIS_PROFILE": str(self.profile),
            "LANG": "C.UTF-8",
        }

    async def __call__(self, script: str, *words: str) -> Result:
        return await self.run(str(SCRIPTS / script), *words)

    async def run(self, *command: str, cwd: Path | None = None, **environment: str) -> Result:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=cwd,
            env=self.environment | environment,
        )
        out, _ = await process.communicate()
        return Result(process.returncode, out.decode())


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Operator]:
    async def gateway(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        answer = await browser.request(request.method, request.raw_path, await request.read(), headers)
        return web.Response(status=answer.status, body=answer.body)

    async with api_site(tmp_path) as site:
        await site.put_user(site.acme.root, replace(site.acme.root.user, platform=True))
        await _stay(site)
        door = web.Application()
        door.router.add_route("*", "/{path:.*}", gateway)
        async with site.browser() as browser, serving(door) as url:
            profile = tmp_path / "profile.json"
            profile.write_text(json.dumps({"url": url, "token": site.acme.root.api_token}))
            profile.chmod(0o600)
            yield Operator(site, url, profile, tmp_path)


async def _stay(site: ApiSite) -> None:
    """Hosts and the gateway live however long the commands take."""
    store = site.stores.site
    lives = [
        store.put(live_path(fixture.host.id), LiveHost(fixture.host.id, "1" * 16, "b" * 16, "1", 0).to_json())
        for fixture in (site.acme, site.globex)
    ]
    gateway = site.services.gateways.list()[0]
    lives.append(store.put(("live", "gateway", gateway.id), {"seen": 0}))
    result = await site.stores.commit(*lives)
    await site.services.snapshot.until(result.revision)
