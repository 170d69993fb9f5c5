"""Thousands of agents as a broker sees them: real control channels over mTLS, no sessions behind them.

Each dials until it is welcomed, with pauses as an agent makes them, says hello with its sessions, and then keeps its
channel with a heartbeat every five seconds. Words that take rights back are verified and counted by sessions, as
a host would act on them. A process of its own (`python -m tests.support.simulated_agents`) prints a
JSON line when all are welcomed, and goes on until its input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
import time
from pathlib import Path

import aiohttp

from portcullis.clock import SystemClock
from portcullis.protocol.channel import MAXIMUM_FROM_BROKER_BYTES, SUBPROTOCOL, encode, parse_from_broker
from portcullis.protocol.directory import HEARTBEAT_SECONDS, Welcome
from portcullis.protocol.features import SESSIONS_WORD
from portcullis.protocol.reports import Heartbeat, Hello, Report
from portcullis.protocol.revoked import Revocations
from portcullis.revocations import RevocationBook
from portcullis.site_tls import SiteClientContext
from portcullis.tickets import verifying_keys
from tests.bench.scale.population import Size, id_of

PAUSE_SECONDS = (0.2, 3.0)


class SimulatedAgents:
    """Those of the hosts from `first` to before `last`."""

    def __init__(
        self, folder: Path, port: int, tenant: str, site: str, size: Size, first: int, last: int
    ) -> None:
        self._folder = folder
        self._url = f"https://127.0.0.1:{port}/control"
        self._tenant = tenant
        self._site = site
        self._size = size
        self._numbers = range(first, last)
        self.welcomed: dict[int, float] = {}
        self.attempts = 0
        self.orders = 0
        self.words = 0
        self.told: dict[str, float] = {}
        """When a session was in a word first."""
        self._books: dict[int, RevocationBook] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        ca = (self._folder / "ca.pem").read_text()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as group:
            for number in self._numbers:
                context = SiteClientContext(ca, "broker", self._site)
                context.load_cert_chain(self._folder / f"{number}.pem")
                group.create_task(self._stay(http, number, context))
                await asyncio.sleep(0)

    async def until_welcomed(self) -> None:
        while len(self.welcomed) < len(self._numbers):
            await self._changed.wait()
            self._changed.clear()

    async def _stay(self, http: aiohttp.ClientSession, number: int, context: SiteClientContext) -> None:
        hello = encode(
            Hello(
                *("1", self._size.slots, id_of("incarnation", number), self._reports(number)),
                features=frozenset({SESSIONS_WORD}),
            )
        )
        while True:
            self.attempts += 1
            try:
                await self._one_channel(http, number, context, hello)
            except (aiohttp.ClientError, OSError, ConnectionError, TimeoutError):
                pass  # an agent dials again
            self.welcomed.pop(number, None)
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))

    async def _one_channel(
        self, http: aiohttp.ClientSession, number: int, context: SiteClientContext, hello: str
    ) -> None:
        async with http.ws_connect(
            self._url, ssl=context, protocols=(SUBPROTOCOL,), max_msg_size=MAXIMUM_FROM_BROKER_BYTES
        ) as socket:
            await socket.send_str(hello)
            beating: asyncio.Task[None] | None = None
            try:
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        return
                    match parse_from_broker(message.data):
                        case Welcome() as welcome:
                            self._keys = verifying_keys(welcome.directory.grant_keys)
                            self.welcomed[number] = time.time()
                            self._changed.set()
                            beating = asyncio.create_task(_beat(socket))
                        case Revocations() as told:
                            self._hear(number, told)
                        case _:
                            self.orders += 1
            finally:
                if beating is not None:
                    beating.cancel()

    def _hear(self, number: int, told: Revocations) -> None:
        book = self._books.setdefault(number, RevocationBook(lambda: self._keys, SystemClock()))
        for text in told.revocations:
            word = book.add(text)
            if word is not None:
                self.words += 1
                for session in word.sessions or (word.session,):
                    self.told.setdefault(session, time.time())

    def _reports(self, number: int) -> tuple[Report, ...]:
        return tuple(
            Report(
                id_of("session", session),
                self._tenant,
                "disconnected" if session % 3 == 0 else "active",
                "ready",
            )
            for session in range(number, self._size.sessions, self._size.hosts)
        )


async def _beat(socket: aiohttp.ClientWebSocketResponse) -> None:
    while not socket.closed:
        await asyncio.sleep(HEARTBEAT_SECONDS * random.uniform(0.9, 1.1))
        await socket.send_str(encode(Heartbeat(random.random(), 2**30)))


async def serve(arguments: argparse.Namespace) -> None:
    size = Size(arguments.hosts, arguments.sessions, arguments.sessions)
    agents = SimulatedAgents(
        arguments.folder,
        arguments.port,
        arguments.tenant,
        arguments.site,
        size,
        arguments.first,
        arguments.last,
    )
    running = asyncio.create_task(agents.run())
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        await agents.until_welcomed()
        if line.strip() == b"forget":
            agents.told.clear()
        answer = {
            "welcomed": sorted(agents.welcomed.values()),
            "attempts": agents.attempts,
            "orders": agents.orders,
            "words": agents.words,
            "told": len(agents.told),
            "last_told": max(agents.told.values(), default=0.0),
        }
        print(json.dumps(answer), flush=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--site", required=True)
    for name in ("--port", "--hosts", "--sessions", "--first", "--last"):
        parser.add_argument(name, type=int, required=True)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
