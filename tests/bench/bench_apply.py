"""Configuration as files: what an apply of 1,000 objects takes, and a what-if over 100,000 entitlements.

    tests/run.sh bench apply

A real embedded grid, a real snapshot, the service as the API calls it; no network. The tenant has 20,000 users in 100
groups, 500 applications and 200 hosts before. The processor's time stands beside that of the clock: on a machine that
does other things as well, it is its own.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from broker.configuration.checks import Powers
from broker.configuration.history import Question
from broker.configuration.replay import Progress
from broker.configuration.service import Configuration, Order, WhatIf
from broker.configuration.wanted import Request
from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.ids import name_hash, new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.roles import PERMISSIONS
from portcullis.model.user import User
from tests.bench.figures import Figure, report

TENANT = new_id()
USERS, GROUPS, APPLICATIONS, HOSTS = 20_000, 100, 500, 200
OBJECTS = 1000
APPLY_SECONDS, WHAT_IF_SECONDS = 5.0, 10.0
POWERS = Powers(frozenset(PERMISSIONS))
ORDER = Order("bench")
AT_ONCE = 60


async def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        grid = await EmbeddedGrid.open(Path(folder) / "grid.sqlite")
        stores = Stores(grid, SiteKey(bytes(32)))
        snapshot = Snapshot(stores)
        try:
            await _found(stores)
            await snapshot.start()
            report("apply", await _measure(Configuration(stores, snapshot, SystemClock(), _clear)))
        finally:
            await snapshot.stop()
            await grid.close()


async def _measure(configuration: Configuration) -> list[Figure]:
    documents = [
        *map(_user_document, range(OBJECTS // 4)),
        *map(_application_document, range(OBJECTS * 3 // 4)),
    ]
    request = Request(documents)
    policy = {"kind": "policy", "level": "tenant", "values": {"clipboard": "none"}}
    what_if = WhatIf(Request([policy], [("user", "user 7")]), None, Progress())

    async def apply() -> None:
        await configuration.apply(TENANT, request, POWERS, ORDER)

    async def history() -> None:
        await configuration.history.entries(TENANT, Question(limit=50))

    figures = [
        *await _timed(
            f"plan {OBJECTS} objects", lambda: configuration.plan(TENANT, request, POWERS), APPLY_SECONDS
        ),
        *await _timed(f"apply {OBJECTS} objects", apply, APPLY_SECONDS),
        *await _timed("apply them again, nothing to change", apply, APPLY_SECONDS),
        *await _timed(
            "what if: a policy and a user, all entitlements",
            lambda: configuration.what_if(TENANT, what_if, POWERS),
            WHAT_IF_SECONDS,
        ),
        *await _timed("history, 50 entries, asked first", history, None),
        *await _timed("history, 50 entries, asked again", history, None),
    ]
    return [*figures, Figure("entitlements replayed, before and after", what_if.progress.total, "")]


async def _timed(name: str, act: Callable[[], Awaitable[Any]], limit: float | None) -> list[Figure]:
    clock, processor = time.perf_counter(), time.process_time()
    await act()
    used = time.process_time() - processor
    return [
        Figure(name, time.perf_counter() - clock, "s", limit),
        Figure(f"{name}, of the processor", used, "s"),
    ]


async def _clear(tenant_id: str, user_ids: Any, author: str) -> None:
    """Nobody runs anything here."""


def _user_document(number: int) -> dict[str, Any]:
    return {"kind": "user", "name": f"new user {number}", "groups": [f"group {number % GROUPS}"]}


def _application_document(number: int) -> dict[str, Any]:
    entitled = {"groups": [f"group {number % GROUPS}"]}
    return {"kind": "application", "name": f"new {number}", "command": ["x"], "entitled": entitled}


async def _found(stores: Stores) -> None:
    tenant, data_key = stores.found_tenant(TENANT)
    root = User(new_id(), "root", "administrator", password_hash="x", totp_secret="y")
    operations: list[SealedOperation] = [
        data_key,
        stores.site.put(("tenant", TENANT), {"id": TENANT, "name": "bench"}),
        tenant.put(("user", root.id), root.to_json()),
    ]
    for number in range(USERS):
        user = User(new_id(), f"user {number}", groups=frozenset({f"group {number % GROUPS}"}))
        operations.append(tenant.put(("user", user.id), user.to_json()))
        operations.append(tenant.put(("user-name", name_hash(user.name)), {"id": user.id}))
    for number in range(APPLICATIONS):
        entitled = Entitlement(groups=frozenset({f"group {number % GROUPS}"}))
        application = Application(new_id(), f"app {number}", ("x",), entitlement=entitled)
        operations.append(tenant.put(("application", application.id), application.to_json()))
        operations.append(
            tenant.put(("application-name", name_hash(application.name)), {"id": application.id})
        )
    for number in range(HOSTS):
        host = Host(new_id(), f"host {number}", 100, frozenset({TENANT}))
        operations.append(stores.site.put(("host", host.id), host.to_json()))
    for start in range(0, len(operations), AT_ONCE):
        await stores.commit(*operations[start : start + AT_ONCE])


def main() -> None:
    asyncio.run(run())


if __name__ == "__main__":
    main()
