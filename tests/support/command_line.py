"""The command `portcullis` against a broker's real API, past a door that adds what a gateway adds.

async with command_line(site, token, folder) as run:
    code, words = await run("get", "roles")
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from portcullis.cli.__main__ import main
from tests.support.api_site import ApiSite, serving

PASSED_ON = ("Authorization", "Portcullis-Tenant", "Content-Type")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Said]]


@asynccontextmanager
async def command_line(site: ApiSite, token: str, folder: Path) -> AsyncIterator[Run]:
    async def gateway(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        answer = await browser.request(request.method, request.raw_path, await request.read(), headers)
        return web.Response(status=answer.status, body=answer.body)

    def run_here(words: tuple[str, ...]) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["--profile", str(profile), *words])
        return Said(code, out.getvalue(), err.getvalue())

    async def run(*words: str) -> Said:
        return await asyncio.to_thread(run_here, words)

    door = web.Application()
    door.router.add_route("*", "/{path:.*}", gateway)
    profile = folder / f"profile-{token[-8:]}.json"
    async with site.browser() as browser, serving(door) as url:
        profile.write_text(json.dumps({"url": url, "token": token}))
        profile.chmod(0o600)
        yield run
