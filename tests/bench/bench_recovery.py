"""Gateways that are killed, and one that freezes, under a person who types: how long until the picture is back.

    tests/run.sh bench recovery

Four gateways serve one page. Whichever carries the stream is killed (SIGKILL), again and again, or frozen (SIGSTOP),
while a key is pressed every 40 ms. A recovery ends with the first FRAME of the resumed stream. In the end the file
that the application wrote is compared with what was typed.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import signal
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from playwright.async_api import Page, WebSocket, async_playwright

from portcullis.tasks import cancel_and_wait, spawn
from tests.bench.figures import Figure, percentile, report
from tests.bench.people import add_users
from tests.bench.products import GROUP, installation
from tests.e2e.conftest import CHROMIUM, Installation
from tests.e2e.portal import Person, launch, sign_in
from tests.e2e.test_work import part
from tests.support.more_gateways import more_gateways
from tests.support.patience import until

APPLICATION = "Bench typing"
FILE = "bench-recovery.txt"
KILLS, FREEZES = 20, 5
KEY_MS = 40
PAUSE_SECONDS = 1.5
"""Between two faults, so that the stream of each is a settled one."""
KILLED_LIMIT_SECONDS, FROZEN_LIMIT_SECONDS = 3.0, 8.0
FRAME = 0x20


class Streams:
    """The page's streams: which gateway carries the newest, and when it showed its first picture."""

    def __init__(self, page: Page) -> None:
        self.origin = ""
        self.opened = 0
        self.drawn_at: dict[int, float] = {}
        page.on("websocket", self._opened)

    def _opened(self, stream: WebSocket) -> None:
        self.opened += 1
        number = self.opened
        self.origin = stream.url.replace("ws", "http", 1).removesuffix("/stream")

        def received(payload: bytes | str) -> None:
            if number not in self.drawn_at and isinstance(payload, bytes) and FRAME in types_of(payload):
                self.drawn_at[number] = time.monotonic()

        stream.on("framereceived", received)


def types_of(payload: bytes) -> set[int]:
    """Of the messages that one WebSocket message holds (docs/protocol.md 1)."""
    found, at = set(), 0
    while at + 8 <= len(payload):
        kind, _, _, length = struct.unpack_from("<BBHI", payload, at)
        found.add(kind)
        at += 8 + length
    return found


class Typist:
    """Presses keys until it is told to stop; `text` is what it typed."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._stopping = False
        self.text = ""

    async def run(self) -> None:
        number = 0
        while not self._stopping:
            number += 1
            word = f"w{number}" + ("\n" if number % 12 == 0 else " ")
            await self._page.keyboard.type(word, delay=KEY_MS)
            self.text += word

    def stop(self) -> None:
        self._stopping = True


class Gateway(Protocol):
    @property
    def origin(self) -> str: ...

    def kill(self) -> None: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def start(self) -> None: ...

    async def until_ready(self) -> None: ...


class OwnGateway:
    """The quickstart's: its supervisor starts it again."""

    def __init__(self, site: Installation) -> None:
        self._site = site
        self._killed = 0
        self.origin = site.url

    def kill(self) -> None:
        self._killed = self._pid()
        os.kill(self._killed, signal.SIGKILL)

    def freeze(self) -> None:
        os.kill(self._pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid(), signal.SIGCONT)

    def start(self) -> None:
        pass

    async def until_ready(self) -> None:
        await until(lambda: self._pid() not in (0, self._killed))

    def _pid(self) -> int:
        return part(self._site, "gateway")


class Bench:
    def __init__(self, streams: Streams, gateways: tuple[Gateway, ...]) -> None:
        self.streams = streams
        self._gateways = {gateway.origin: gateway for gateway in gateways}

    async def killed(self) -> float:
        """Seconds. The gateway is started again afterwards."""
        victim = self._victim()
        seconds = await self._recovery(victim.kill)
        victim.start()
        await victim.until_ready()
        return seconds

    async def frozen(self) -> float:
        victim = self._victim()
        seconds = await self._recovery(victim.freeze)
        victim.thaw()
        await victim.until_ready()
        return seconds

    def _victim(self) -> Gateway:
        return self._gateways[self.streams.origin]

    async def _recovery(self, fault) -> float:  # type: ignore[no-untyped-def]
        before = self.streams.opened
        await asyncio.sleep(PAUSE_SECONDS)
        began = time.monotonic()
        fault()
        async with asyncio.timeout(60):
            while True:
                drawn = [at for number, at in self.streams.drawn_at.items() if number > before and at > began]
                if drawn:
                    return min(drawn) - began
                await asyncio.sleep(0.005)


def written() -> str:
    files = sorted(
        Path("/var/lib").glob(f"portcullis-*/homes/*/{FILE}"), key=lambda path: path.stat().st_mtime
    )
    return files[-1].read_text() if files else ""


def difference(typed: str, got: str) -> tuple[int, int]:
    """Characters that are lost, and those that are there without having been typed."""
    matching = sum(
        block.size
        for block in difflib.SequenceMatcher(None, typed, got, autojunk=False).get_matching_blocks()
    )
    return len(typed) - matching, len(got) - matching


@asynccontextmanager
async def working_page(site: Installation, origin: str) -> AsyncIterator[tuple[Page, Streams, str]]:
    (user,) = add_users(site.clone, site.url, GROUP)
    person = Person(user.name, user.password, user.totp_secret, user.used_step)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
        streams = Streams(page)
        await sign_in(page, origin, person)
        await launch(page, APPLICATION)
        yield page, streams, browser.version
        await browser.close()


async def measure(site: Installation, kills: int, freezes: int) -> None:
    site.cli("apply", "-f", "-", stdin=document())
    async with (
        more_gateways(site, "r2", "r3", "r4") as gateways,
        working_page(site, gateways[0].origin) as (page, streams, version),
    ):
        bench = Bench(streams, (*gateways, OwnGateway(site)))
        typist = Typist(page)
        typing = spawn(typist.run(), name="typist")
        try:
            killed = [await bench.killed() for _ in range(kills)]
            frozen = [await bench.frozen() for _ in range(freezes)]
        finally:
            typist.stop()
            await asyncio.wait({typing}, timeout=10)
            await cancel_and_wait(typing)
        await page.keyboard.press("Enter")
        await page.keyboard.press("Control+d")
        typed = typist.text + "\n"
        await until(lambda: len(written()) >= len(typed) - 200)
        lost, added = difference(typed, written())
    figures = [
        Figure(f"gateway killed while typing, {kills} times: picture back, median", percentile(killed, 50), "s"),
        Figure("the same, 95 of 100", percentile(killed, 95), "s", KILLED_LIMIT_SECONDS),
        Figure(f"gateway frozen while typing, {freezes} times: picture back, worst", max(frozen), "s",
               FROZEN_LIMIT_SECONDS),
        Figure(f"characters lost, of {len(typed)}", lost, "", 0),
        Figure("characters doubled or strange", added, "", 0),
    ]  # fmt: skip
    report("recovery", figures, facts={"chromium": version, "killed": killed, "frozen": frozen})


def document() -> str:
    return (
        f"kind: application\nname: {APPLICATION}\n"
        f'command: [xterm, -e, sh, -c, "cat > $HOME/{FILE}"]\n'
        f"entitled: {{groups: [{GROUP}]}}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--freezes", type=int, default=FREEZES)
    arguments = parser.parse_args()
    with installation() as site:
        quickstart = Installation(site.clone, site.facts)
        asyncio.run(measure(quickstart, arguments.kills, arguments.freezes))


if __name__ == "__main__":
    main()
