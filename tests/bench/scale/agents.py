"""Simulated agents of a big site, in processes of their own (`tests.support.simulated_agents`)."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.bench.scale.site import ROOT, BigSite, EmbeddedSite

PROCESSES = 2
PATIENCE_SECONDS = 900.0


class Agents:
    def __init__(self, site: BigSite | EmbeddedSite, site_id: str, port: int) -> None:
        self._site, self._site_id, self._port = site, site_id, port
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        hosts = self._site.size.hosts
        for number in range(PROCESSES):
            first, last = hosts * number // PROCESSES, hosts * (number + 1) // PROCESSES
            self._processes.append(
                await asyncio.create_subprocess_exec(
                    *(
                        sys.executable,
                        "-m",
                        "tests.support.simulated_agents",
                        "--folder",
                        str(self._site.state),
                    ),
                    *("--tenant", self._site.tenant_id, "--site", self._site_id, "--port", str(self._port)),
                    *("--hosts", str(hosts), "--sessions", str(self._site.size.sessions)),
                    *("--first", str(first), "--last", str(last)),
                    cwd=ROOT,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=2**24,
                )
            )

    async def ask(self, question: str = "") -> list[dict[str, Any]]:
        """What each process knows, once all its agents are welcomed; `forget`: and who was told of revocations before,
        it does not know any more.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asyncio.gather(*(_ask(process, question) for process in self._processes))

    async def stop(self) -> None:
        for process in self._processes:
            process.kill()
            await process.wait()


async def _ask(process: asyncio.subprocess.Process, question: str) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(question.encode() + b"\n")
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer
