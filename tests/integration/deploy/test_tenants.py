"""deploy/tenants: the scripts as they are, with the real command, against a broker's real API."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
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
        process = await asyncio.create_subprocess_exec(
            *(str(SCRIPTS / script), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
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
            yield Operator(site, profile, tmp_path)


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


async def test_a_directory_is_applied_and_checked_and_what_fails_of_it_is_told(operator: Operator) -> None:
    tree = operator.folder / "tenants"
    shutil.copytree(SCRIPTS / "example/globex", tree / "globex")
    shutil.copytree(SCRIPTS / "example/globex", tree / "initech")
    with (tree / "globex/checks").open("a") as checks:
        checks.write("anna | Terminal | launches\n")
    (tree / "hosts").write_text("acme-h1: acme, globex\n")
    result = await operator("apply.sh", str(tree))
    assert result.code == 1 and "acme-h1: tenants acme, globex" in result.out
    assert "ok      anna, Text editor: launches" in result.out
    assert "FAILED  anna, Terminal: application_unknown, expected launches" in result.out
    assert "not_found" in result.out and "failed: globex initech" in result.out
    tenant = operator.site.services.identity.tenants.by_name("globex")
    assert tenant is not None and (tenant.title, tenant.quotas.sessions) == ("Globex", 10)
    assert operator.site.services.identity.entries.list(tenant.id) == []


async def test_a_tenant_comes_and_goes(operator: Operator) -> None:
    files, kept = operator.folder / "tenants", operator.folder / "kept"
    words = ("--administrator", "bill", "--sessions", "5", "--hosts", "acme-h1", "--files", str(files))
    made = await operator("onboard.sh", "initech", *words)
    assert made.code == 0 and "#/enrol/enrol_" in made.out and "acme-h1: tenants acme, initech" in made.out
    assert (files / "initech/tenant.yaml").exists()
    gone = await operator("offboard.sh", "initech", "--keep", str(kept), "--yes")
    assert gone.code == 0 and "): deleted" in gone.out, gone.out
    exported = "".join(file.read_text() for file in sorted((kept / "initech").rglob("*.yaml")))
    assert "bill" in exported and "enrol_" not in exported and "argon2" not in exported
    assert operator.site.services.identity.tenants.by_name("initech") is None


async def test_the_same_in_python_is_done_once(operator: Operator) -> None:
    command = (sys.executable, str(SCRIPTS / "apply.py"), str(SCRIPTS / "example"), "acme")
    printed = []
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            *command,
            env=operator.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        printed.append(out.decode())
    assert "acme: 9 changes" in printed[0] and "create application Terminal" in printed[0]
    assert "acme: 0 changes" in printed[1]
    for line in ("anna may start Terminal", "bert may not start Terminal not_entitled"):
        assert line in printed[1]


@pytest.mark.parametrize("script", ["apply.sh", "onboard.sh", "offboard.sh"])
async def test_a_wrong_option_is_answered_with_the_usage(operator: Operator, script: str) -> None:
    result = await operator(script, "--no-such")
    assert result.code == 2 and "usage:" in result.out
