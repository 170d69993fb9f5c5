"""A site in a real embedded grid with the enrolment routes on a real TLS listener: what machines join and renew at.

async with inner_listener(tmp_path) as inner:
    credentials = await join(inner.address, inner.secrets.host_join_token, "h1", state)
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.initialise import InitialSecrets, initialise
from broker.pki.authority import Authority
from broker.pki.machines import Machines
from broker.pki.own_certificate import OwnCertificate
from broker.repositories.join_tokens import JoinTokens
from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, PortcullisError, Unavailable
from portcullis.site_tls import peer_identity
from tests.support.clock import ManualClock
from tests.support.grid_tap import TappedGrid

SITE_KEY = SiteKey(bytes(range(32)))
BROKER_ID = "b" * 16


@dataclass
class Inner:
    grid: TappedGrid
    stores: Stores
    snapshot: Snapshot
    authority: Authority
    machines: Machines
    join_tokens: JoinTokens
    own: OwnCertificate
    secrets: InitialSecrets
    clock: ManualClock
    address: str = ""
    enrolments: list[dict[str, Any]] | None = None
    """Bodies of `enrol` as they came."""
    answers_lost: int = 0
    """How many answers are dropped after the work was done."""


@asynccontextmanager
async def inner_listener(folder: Path) -> AsyncIterator[Inner]:
    clock = ManualClock(time.time())  # TLS itself knows no clock but the machine's
    grid = TappedGrid(await EmbeddedGrid.open(folder / "grid.sqlite"))
    secrets = await initialise(
        grid,
        SITE_KEY,
        site_name="Test",
        tenant_name="acme",
        administrator="admin",
        user="demo",
        public_origin="http://localhost:8080",
        secrets_file=folder / "secrets.json",
        clock=clock,
    )
    stores = Stores(grid, SITE_KEY, clock)
    snapshot = Snapshot(stores)
    await snapshot.start()
    authority = Authority(snapshot, clock)
    machines = Machines(stores, snapshot, authority)
    own = OwnCertificate(authority, BROKER_ID)
    inner = Inner(
        grid,
        stores,
        snapshot,
        authority,
        machines,
        JoinTokens(stores, snapshot),
        own,
        secrets,
        clock,
        enrolments=[],
    )
    runner = web.AppRunner(_application(inner))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=own.context)
    await site.start()
    inner.address = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield inner
    finally:
        await runner.cleanup()
        await snapshot.stop()
        await grid.close()


def _application(inner: Inner) -> web.Application:
    async def enrol(request: web.Request) -> web.Response:
        body = await request.json()
        assert inner.enrolments is not None
        inner.enrolments.append(body)
        return await _answer(inner, request, inner.machines.enrol(body))

    async def renew(request: web.Request) -> web.Response:
        return await _answer(inner, request, inner.machines.renew(await request.json()))

    async def who(request: web.Request) -> web.Response:
        assert request.transport is not None
        identity = peer_identity(request.transport.get_extra_info("peercert"))
        return web.json_response(
            {"uri": identity and identity.uri, "generation": identity and identity.generation}
        )

    application = web.Application()
    application.add_routes(
        [web.post("/inner/v1/enrol", enrol), web.post("/inner/v1/renew", renew), web.get("/who", who)]
    )
    return application


async def _answer(inner: Inner, request: web.Request, work: Any) -> web.Response:
    try:
        answer = web.json_response(await work)
    except PortcullisError as exc:
        status = 503 if isinstance(exc, Unavailable) else 422 if isinstance(exc, InvalidInput) else 409
        return web.json_response({"error": {"code": exc.code, "message": exc.message}}, status=status)
    if inner.answers_lost:
        inner.answers_lost -= 1
        assert request.transport is not None
        request.transport.abort()
    return answer
