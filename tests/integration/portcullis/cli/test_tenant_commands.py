"""`portcullis tenant` and `portcullis host tenants` against a broker's real API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from portcullis.cli.__main__ import main
from tests.support.api_site import ApiSite, api_site, serving

Portcullis = Callable[..., Awaitable[tuple[int, str, str]]]
PASSED_ON = ("Authorization", "Portcullis-Tenant", "Content-Type")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ApiSite]:
    async with api_site(tmp_path) as running:
        await running.put_user(running.acme.root, replace(running.acme.root.user, platform=True))
        yield running


@pytest.fixture
async def portcullis(
    site: ApiSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Portcullis]:
    """The command, with the token of acme's root, who is a platform administrator."""

    async def gateway(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        answer = await browser.request(request.method, request.raw_path, await request.read(), headers)
        return web.Response(status=answer.status, body=answer.body)

    async def run(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["--profile", str(profile), *words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    door = web.Application()
    door.router.add_route("*", "/{path:.*}", gateway)
    profile = tmp_path / "profile.json"
    async with site.browser() as browser, serving(door) as url:
        profile.write_text(json.dumps({"url": url, "token": site.acme.root.api_token}))
        profile.chmod(0o600)
        yield run


async def test_a_tenant_from_its_first_day_to_its_last(portcullis: Portcullis, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    code, link, told = await portcullis(
        *(
            "tenant",
            "add",
            "initech",
            "--administrator",
            "bill",
            "--title",
            "Initech Ltd",
            "--accent",
            "#aa3300",
        ),
        *("--logo", str(logo), "--host-names", "apps.initech.example", "--sessions", "20"),
    )
    assert (code, link.split("#")[0]) == (0, "https://apps.initech.example/") and "bill" in told
    assert (await portcullis("tenant", "add", "Initech", "--administrator", "bill"))[0] == 1
    _, listed, _ = await portcullis("tenant", "list")
    assert "initech Initech Ltd open 1 0 of 20 - apps.initech.example -" in " ".join(listed.split())
    _, changed, _ = await portcullis(
        "tenant", "set", "initech", "--sessions", "none", "--logins-per-second", "2.5"
    )
    assert "logo        yes" in changed and "quotas      logins per second 2.5" in changed
    assert "suspended" in (await portcullis("tenant", "suspend", "initech"))[1]
    assert "open" in (await portcullis("tenant", "resume", "initech"))[1]
    code, deleted, _ = await portcullis("tenant", "delete", "initech", "--yes")
    assert (code, deleted.startswith("tenant initech ("), deleted.endswith("): deleted\n")) == (0, True, True)
    assert (await portcullis("tenant", "set", "initech", "--title", "x"))[0] == 1


async def test_another_tenant_is_acted_in_after_entering_it(portcullis: Portcullis) -> None:
    code, _, refused = await portcullis("--tenant", "globex", "get", "users")
    assert code == 1 and "entry_needed" in refused
    assert "entered until" in (await portcullis("tenant", "enter", "globex", "--reason", "ticket 7"))[1]
    assert (await portcullis("--tenant", "globex", "tenant", "set", "--title", "Globex"))[0] == 0
    assert "ann" in (await portcullis("--tenant", "globex", "get", "users"))[1]
    assert (await portcullis("tenant", "leave", "globex"))[0] == 0
    assert (await portcullis("--tenant", "globex", "get", "users"))[0] == 1


async def test_a_host_is_given_to_tenants(portcullis: Portcullis) -> None:
    assert await portcullis("host", "tenants", "acme-h1", "acme, globex") == (
        *(0, "host acme-h1: tenants acme, globex\n", ""),
    )
    assert await portcullis("host", "tenants", "acme-h1") == (0, "acme,globex\n", "")
    assert (await portcullis("host", "tenants", "acme-h1", "nobody"))[0] == 2


@pytest.mark.parametrize(
    ("option", "value"), [("--sessions", "many"), ("--logo", "/no/such/file"), ("--accent", "red")]
)
async def test_a_setting_that_is_none_changes_nothing(
    portcullis: Portcullis, option: str, value: str
) -> None:
    code, _, said = await portcullis("tenant", "set", "globex", option, value)
    assert code == 2 and option.strip("-") in said
