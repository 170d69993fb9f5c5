"""Open consoles: what 200 of them cost a broker whose site has 100,000 users and sessions, and how long they wait.

    tests/run.sh bench consoles

A real broker in a process of its own, over TLS as a gateway would come. Sessions change all the time. First nobody
looks; then every console follows the feed and, whenever it hears of a change, asks for the overview, and every second
one for a page of sessions as well. CPU is that of the broker's process, in hundredths of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from broker.app import Broker
from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.identity.api_tokens import new_api_token
from broker.repositories.api_tokens import token_creation
from portcullis.clock import SystemClock
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.joining import join
from portcullis.ids import name_hash, new_id
from portcullis.model.host import Host, LiveHost
from portcullis.model.session import Display, Session
from portcullis.model.user import User
from tests.bench.figures import Figure, Series, percentile, report
from tests.support.patience import patient
from tests.support.running_broker import broker_settings, make_site

CONSOLES, SESSIONS, HOSTS, ADMINISTRATORS = 200, 100_000, 1_000, 10
CHANGES_A_SECOND = 20
LIMIT_CPU, LIMIT_OVERVIEW_MS, LIMIT_PAGE_MS = 20.0, 20.0, 50.0
AT_ONCE, QUESTIONS = 40, 50
ORIGIN = "http://localhost:8080"


async def fill(stores: Stores, tenant_id: str, sessions: int) -> list[str]:
    """The texts of API tokens of administrators."""
    tenant, chance, now = await stores.tenant(tenant_id), random.Random(1), SystemClock().now()
    hosts = [Host(new_id(), f"host-{n}", 110, frozenset({tenant_id})) for n in range(HOSTS)]
    puts: list[SealedOperation] = []
    for host in hosts:
        live = LiveHost(host.id, new_id(), new_id(), "1", 0).to_json()
        puts += [stores.site.put(("host", host.id), host.to_json(), author="bench")]
        puts += [stores.site.put(("live", "host", host.id), live)]
    tokens = []
    for number in range(ADMINISTRATORS):
        user = User(new_id(), f"admin-{number}", role="administrator", password_hash="x", totp_secret="x")
        token, record = new_api_token(tenant_id, user.id, "bench", now)
        puts.append(tenant.put(("user", user.id), user.to_json(), author="bench"))
        puts.append(tenant.put(("user-name", name_hash(user.name)), {"id": user.id}, author="bench"))
        puts.append(token_creation(tenant, record, "bench"))
        tokens.append(token.text)
    for number in range(sessions):
        groups = frozenset({"staff", f"department-{number % 40}"})
        user = User(f"{number:016x}", f"user-{number}", groups=groups, password_hash="x", totp_secret="x")
        puts.append(tenant.put(("user", user.id), user.to_json(), author="bench"))
        puts.append(tenant.put(("user-name", name_hash(user.name)), {"id": user.id}))
    for number in range(sessions):
        host, user_number = hosts[number % HOSTS], chance.randrange(sessions)
        session = Session(
            *(new_id(), tenant_id, f"{user_number:016x}", f"user-{user_number}"),
            *(f"{number % 50:016x}", f"Application {number % 50}", ("true",), {}),
            *(host.id, host.name, number // HOSTS, Display(), f"{number:08x}", now - number),
            state="active",
            stage="ready",
        )
        puts.append(tenant.put(("session", session.id), session.to_json()))
    for first in range(0, len(puts), AT_ONCE):
        await stores.commit(*puts[first : first + AT_ONCE])
    return tokens


async def serve(folder: Path, sessions: int) -> None:
    """The broker's process: it tells where it is, and changes sessions until its input ends."""
    secrets = await make_site(folder / "broker")
    grid = await EmbeddedGrid.open(folder / "broker" / "grid.sqlite")
    stores = Stores(grid, SiteKey.load(folder / "broker" / "site.key"))
    tokens = await fill(stores, secrets.tenant_id, sessions)
    await grid.close()
    broker = Broker(replace(broker_settings(folder / "broker"), host_lost_seconds=0))
    await broker.start()
    place = {"address": "127.0.0.1:9443", "public_origin": ORIGIN}
    await join(broker.address, secrets.gateway_join_token, "gw", folder / "gateway", **place)
    print(json.dumps({"address": str(broker.address), "tokens": tokens}), flush=True)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    records = broker.parts.snapshot.list(secrets.tenant_id, "session")
    chance, kept = random.Random(2), broker.parts.sessions
    while not ended.done():
        record = chance.choice(records)
        await kept.change(
            secrets.tenant_id,
            record.path[1],
            lambda session: session.moved_to("disconnected" if session.state == "active" else "active"),
        )
        await asyncio.wait({ended}, timeout=1 / CHANGES_A_SECOND)
    await broker.stop()


class Console:
    def __init__(self, http: aiohttp.ClientSession, url: str, token: str, lists: bool) -> None:
        self._http, self._url, self._lists = http, url, lists
        self._headers = {"Authorization": f"Bearer {token}", "Portcullis-Origin": ORIGIN}
        self.opened = asyncio.Event()
        self.heard = 0
        self.milliseconds: dict[str, list[float]] = {"overview": [], "sessions": []}

    async def follow(self) -> None:
        feed = f"{self._url}/feed"
        async with self._http.get(feed, headers=self._headers, timeout=aiohttp.ClientTimeout(None)) as answer:
            assert answer.status == 200, await answer.text()
            async for line in answer.content:
                if line.startswith(b"event: open"):
                    self.opened.set()
                if line.startswith(b"event: changed"):
                    self.heard += 1
                    await self.ask("overview", "overview")
                    if self._lists:
                        await self.ask("sessions", "sessions?sort=-created&limit=50")

    async def ask(self, kind: str, path: str) -> None:
        began = time.perf_counter()
        async with self._http.get(f"{self._url}/{path}", headers=self._headers) as answer:
            body = await answer.read()
        assert answer.status == 200 and len(body) < 200_000, body[:200]
        self.milliseconds[kind].append((time.perf_counter() - began) * 1e3)


async def measured(folder: Path, told: dict[str, Any], pid: int, consoles: int, seconds: float) -> None:
    broker = psutil.Process(pid)
    context = client_context(Credentials.load(folder / "gateway"))
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        url, tokens = f"https://{told['address']}/api/v1/admin", told["tokens"]
        one = Console(http, url, tokens[0], lists=True)
        await one.ask(
            "sessions", "sessions?limit=1&sort=-created"
        )  # tables are made when somebody asks first
        alone: dict[str, list[float]] = {}
        processor: dict[str, float] = {}
        paths = {
            "overview": "overview",
            "first page": "sessions?sort=-created&limit=50",
            "last page": f"sessions?sort=user&offset={SESSIONS - 60}&limit=50",
            "search": "sessions?search=user-4999&limit=50",
            "filter": "sessions?state=active&sort=user&limit=50",
            "users": "users?sort=-name&limit=50",
            "users, search": "users?search=user-4999&limit=50",
        }
        for name, path in paths.items():
            await one.ask("overview", path)
            one.milliseconds["overview"].clear()
            used = _seconds(broker)
            for _ in range(QUESTIONS):
                await one.ask("overview", path)
            processor[name] = (_seconds(broker) - used) / QUESTIONS * 1e3
            alone[name] = list(one.milliseconds["overview"])
        quiet = await _cpu(broker, seconds)
        everybody = [Console(http, url, tokens[n % len(tokens)], n % 2 == 0) for n in range(consoles)]
        tasks = [asyncio.ensure_future(console.follow()) for console in everybody]
        async with asyncio.timeout(patient(30)):
            for console in everybody:
                await console.opened.wait()
        for console in everybody:
            console.heard = 0
        watched = await _cpu(broker, seconds)
        heard = sum(console.heard for console in everybody)
        failed = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not failed and heard, failed
    _report(consoles, quiet, watched, heard / consoles / seconds, alone, processor)


async def _cpu(process: psutil.Process, seconds: float) -> float:
    before, began = _seconds(process), time.monotonic()
    await asyncio.sleep(seconds)
    return (_seconds(process) - before) / (time.monotonic() - began) * 100


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _report(
    consoles: int,
    quiet: float,
    watched: float,
    heard: float,
    alone: dict[str, list[float]],
    processor: dict[str, float],
) -> None:
    more = (
        f"{CHANGES_A_SECOND} changes a second; each console hears {heard:.2f} times a second and asks again"
    )
    figures = [
        Figure("broker, nobody looks", quiet, "% of a core"),
        Figure(f"{consoles} open consoles add", watched - quiet, "% of a core", limit=LIMIT_CPU, note=more),
    ]
    for name, samples in alone.items():
        limit = LIMIT_OVERVIEW_MS if name == "overview" else LIMIT_PAGE_MS
        figures += [
            Figure(f"{name}, p{share}", percentile(samples, share), "ms", limit) for share in (50, 95)
        ]
        figures.append(Figure(f"{name}, processor of the broker", processor[name], "ms", limit))
    report("consoles", figures, [Series(name, samples) for name, samples in alone.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--consoles", type=int, default=CONSOLES)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve, arguments.sessions))
        return
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "tests.bench.bench_consoles", "--serve", name]
        command += ["--sessions", str(arguments.sessions)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as broker:
            assert broker.stdin and broker.stdout
            told = json.loads(broker.stdout.readline())
            try:
                asyncio.run(measured(Path(name), told, broker.pid, arguments.consoles, arguments.seconds))
            finally:
                broker.stdin.close()
                broker.wait(30)


if __name__ == "__main__":
    main()
