"""The real broker as its own process, answering a bench's questions: one JSON line each way.

It collects garbage as `portcullis-broker serve` does, so that its memory and its pauses are those of the product.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from cryptography.hazmat.primitives import serialization

from broker import collecting
from broker.app import Broker
from broker.grid.etcd.endpoint import TXN, Endpoint
from broker.grid.etcd.grid import EtcdGrid
from broker.grid.etcd.translation import transaction
from broker.grid.grid import Compare, CreateRevision, ModRevision, Put
from broker.grid.opening import EMBEDDED
from broker.http.callers import login_cookie_name
from broker.identity.logins import new_login
from broker.launch.launch import LaunchRequest
from broker.pki.certificates import new_key
from broker.settings import BrokerSettings
from portcullis.errors import PortcullisError
from portcullis.logs import configure
from portcullis.model.session import Display
from portcullis.settings import Address
from portcullis.site_tls import MachineIdentity
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import from_base64url
from tests.bench.scale.population import APPLICATION, id_of

IN_FLIGHT = 16
WARMING_AT_ONCE = 4
COMPACTED_EVERY = 1_000
"""Launches, while the caches fill: many hours' history must not become the size of etcd's file."""
LOOK_SECONDS = 0.005
PUT_BYTES = (130, 1_900, 90)
"""Of slot, session and `own`, sealed."""


class Subject:
    def __init__(self, broker: Broker, tenant_id: str, folder: Path) -> None:
        self._broker = broker
        self._tenant_id = tenant_id
        self._folder = folder
        self._churning: asyncio.Task[None] | None = None
        self._lease = broker.parts.presence.lease
        self._leases_lost = 0
        self._degraded = 0
        self._longest_pause = self._longest_turn = 0.0
        broker.parts.health.subscribe(self._note_health)
        self._watching = spawn(self._watch(), name="watching the loop")
        self.questions: dict[str, Callable[..., Awaitable[Any]]] = {
            "size": self.size,
            "storm": self.storm,
            "lag": self.lag,
            "bare": self.bare,
            "launch": self.launch,
            "certificates": self.certificates,
            "churn": self.churn,
            "login": self.login,
            "pause": self.pause,
            "gateway_token": self.gateway_token,
            "warm": self.warm,
        }

    async def size(self) -> dict[str, float]:
        process = psutil.Process()
        parts = self._broker.parts
        return {
            "rss": process.memory_info().rss,
            "anonymous": anonymous_bytes(process.pid),
            "descriptors": process.num_fds(),
            "revision": parts.snapshot.revision,
            "sessions": sum(parts.sessions.index.states.values()),
            "channels": len(parts.registry),
        }

    async def storm(self, hosts: int) -> dict[str, float]:
        """What must not have happened since the start, beside the size."""
        return {
            **await self.size(),
            "missing": hosts - len(self._broker.parts.registry),
            "degraded": self._degraded,
            "leases_lost": self._leases_lost,
            "longest_pause": self._longest_pause,
        }

    async def pause(self) -> tuple[float, float]:
        """The longest pause of the loop since it was asked last, and the most processor time that it took at a time: on
        a machine that does other things as well, that is the broker's own.
        """
        longest = self._longest_pause, self._longest_turn
        self._longest_pause = self._longest_turn = 0.0
        return longest

    async def gateway_token(self) -> str:
        """By which a gateway joins: the site may be an old one, whose own are spent."""
        text, _ = await self._broker.parts.join_tokens.mint("gateway")
        return text.text

    async def login(self, user_name: str, client_key: str) -> tuple[str, str]:
        """As after a sign-in with this key: the name and the text of the cookie."""
        parts, tenant_id = self._broker.parts, self._tenant_id
        user = parts.identity.users.by_name(tenant_id, user_name)
        assert user is not None
        key, epoch = from_base64url(client_key), parts.identity.tenants.epoch()
        secret, login = new_login(tenant_id, user.id, key, time.time(), epoch)
        tenant = await parts.stores.tenant(tenant_id)
        result = await parts.stores.commit(tenant.put(("login", login.hash), login.to_json()))
        assert await parts.snapshot.until(result.revision, 30.0)
        return login_cookie_name(parts.identity.tenants.site()), secret.text

    def _note_health(self) -> None:
        self._degraded += not self._broker.parts.health.writable

    async def _watch(self) -> None:
        while True:
            begun, used = time.perf_counter(), time.thread_time()
            await asyncio.sleep(LOOK_SECONDS)
            self._longest_turn = max(self._longest_turn, time.thread_time() - used)
            self._longest_pause = max(self._longest_pause, time.perf_counter() - begun - LOOK_SECONDS)
            lease = self._broker.parts.presence.lease
            self._leases_lost += lease != self._lease
            self._lease = lease

    async def lag(self, count: int) -> list[list[float]]:
        """Seconds of a transaction, and from its answer until the snapshot shows it."""
        parts = self._broker.parts
        samples = []
        for number in range(count):
            session = id_of("session", number)
            record = parts.snapshot.get(self._tenant_id, ("session", session))
            assert record is not None
            tenant = await parts.stores.tenant(self._tenant_id)
            put = tenant.put(record.path, {**record.value, "e": number + 2})
            begun = time.perf_counter()
            result = await parts.stores.commit(put)
            answered = time.perf_counter()
            assert await parts.snapshot.until(result.revision, 30.0)
            samples.append([answered - begun, time.perf_counter() - answered])
        return samples

    async def bare(self, seconds: float) -> float:
        """Transactions a second, with as many compares, puts and bytes as a launch: each a request of its own."""
        members = self._grid()._members
        done = 0
        until = time.perf_counter() + seconds

        async def one_after_the_other() -> None:
            nonlocal done
            while time.perf_counter() < until:
                request = _bare()
                answer = await members.call(partial(_send, request))
                assert answer.succeeded
                done += 1

        begun = time.perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
        return done / (time.perf_counter() - begun)

    def _grid(self) -> EtcdGrid:
        grid = self._broker.parts.stores.grid
        while not isinstance(grid, EtcdGrid):
            grid = grid._grid  # type: ignore[attr-defined]
        return grid

    async def launch(self, first_user: int, seconds: float) -> dict[str, Any]:
        """Launches by users of their own, IN_FLIGHT at once, each through the real Launcher; then what they took."""
        users = iter(range(first_user, first_user + 10**9))
        times: list[float] = []
        refused: dict[str, int] = {}
        until = time.perf_counter() + seconds

        async def one_after_the_other() -> None:
            while (begun := time.perf_counter()) < until:
                request = LaunchRequest(
                    self._tenant_id, id_of("user", next(users)), APPLICATION.id, Display()
                )
                try:
                    await self._broker.parts.launcher.launch(request)
                except PortcullisError as error:
                    refused[error.code] = refused.get(error.code, 0) + 1
                else:
                    times.append(time.perf_counter() - begun)

        begun = time.perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
        return {"seconds": time.perf_counter() - begun, "times": times, "refused": refused}

    async def certificates(self, hosts: int) -> str:
        """A machine certificate of each host, all of one key, in files; answers the CA and the site."""
        authority, key = self._broker.parts.machines._authority, new_key()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        site = authority.site
        for number in range(hosts):
            host = MachineIdentity(site.id, "host", id_of("host", number), f"host-{number:04d}")
            certificate = authority.issue(replace(host, generation=0), key.public_key())
            path = self._folder / f"{number}.pem"
            path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
            path.chmod(0o600)
        (self._folder / "ca.pem").write_text(authority.ca_pem)
        return site.id

    async def warm(self, first_user: int, launches: int) -> None:
        """So many launches and ends as fast as they go: what is kept of the past, up to a number, is full then."""
        users = iter(range(first_user, first_user + launches))
        grid, snapshot = self._broker.parts.stores.grid, self._broker.parts.snapshot
        compact_to = snapshot.revision

        async def one_after_the_other() -> None:
            nonlocal compact_to
            for user in users:
                await self._launch_and_end(first_user + (user - first_user) % 1000, 0.0)
                if (user - first_user) % COMPACTED_EVERY == COMPACTED_EVERY - 1:
                    compact_to, before = snapshot.revision, compact_to
                    await grid.compact(before)

        await asyncio.gather(*(one_after_the_other() for _ in range(WARMING_AT_ONCE)))

    async def churn(self, first_user: int, per_second: float) -> None:
        """One launch and one end of the oldest, again and again, until the process ends."""
        self._churning = spawn(self._churn(first_user, per_second), name="churn")

    async def _churn(self, first_user: int, per_second: float) -> None:
        for number in range(10**9):
            await self._launch_and_end(first_user + number % 1000, 1 / per_second)

    async def _launch_and_end(self, user: int, seconds: float) -> None:
        request = LaunchRequest(self._tenant_id, id_of("user", user), APPLICATION.id, Display())
        session, _ = await self._broker.parts.launcher.launch(request)
        await asyncio.sleep(seconds)
        await self._broker.parts.sessions.remove(self._tenant_id, session.id)

    async def stop(self) -> None:
        await cancel_and_wait(self._churning, self._watching)
        await self._broker.stop()


def anonymous_bytes(pid: int) -> int:
    """Of the resident memory of a process, what is no mapped file."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} tells no RssAnon")


def _bare() -> Any:
    keys = [f"/bare/{secrets.token_hex(16)}" for _ in PUT_BYTES]
    compares: list[Compare] = [CreateRevision(key, 0) for key in keys[1:]]
    compares += [ModRevision(f"/bare/absent-{number}", 0) for number in range(4)]
    puts = [Put(key, os.urandom(size)) for key, size in zip(keys, PUT_BYTES, strict=True)]
    return transaction(compares, puts, ())


async def _send(request: Any, endpoint: Endpoint, seconds: float) -> Any:
    return await endpoint.call(TXN, request, seconds)


async def serve(arguments: argparse.Namespace) -> None:
    configure("broker", "error", "text")
    begun = time.perf_counter()
    settings = BrokerSettings(
        state=arguments.state,
        grid=arguments.grid,
        grid_ca=arguments.grid_ca,
        grid_cert=arguments.grid_cert,
        grid_key=arguments.grid_key,
        listen=Address("127.0.0.1", arguments.port),
    )
    broker = Broker(settings)
    with collecting.filling():
        await broker.start()
    subject = Subject(broker, arguments.tenant, arguments.state)
    _answer({"seconds": time.perf_counter() - begun, "port": broker.address.port, **await subject.size()})
    reader = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        question, *rest = json.loads(line)
        _answer(await subject.questions[question](*rest))
    await subject.stop()


def _answer(value: Any) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--grid", default=EMBEDDED)
    for name in ("--grid-ca", "--grid-cert", "--grid-key"):
        parser.add_argument(name, default="")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
