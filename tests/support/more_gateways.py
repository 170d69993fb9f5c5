"""Further gateways of a running quickstart, as processes of the test's own: nobody starts them again but the test.

async with more_gateways(installation, "g2") as (second,):
    second.kill()
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import aiohttp

from tests.e2e.conftest import free_port
from tests.support.patience import patient

READY_SECONDS = 60.0


class Quickstart(Protocol):
    @property
    def clone(self) -> Path: ...

    def cli(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]: ...


class FurtherGateway:
    def __init__(self, installation: Quickstart, name: str, folder: Path) -> None:
        self._installation = installation
        self._state = folder / name
        self._log = folder / f"{name}.log"
        self.name = name
        self._listen = f"127.0.0.1:{free_port()}"
        self._inner = f"127.0.0.1:{free_port()}"
        self.origin = f"http://localhost:{self._listen.rpartition(':')[2]}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def join(self) -> None:
        made = json.loads(
            self._installation.cli("gateway", "join-token", "--name", self.name, "--json").stdout
        )
        token = self._state.with_suffix(".token")
        token.write_text(made["token"])
        self._run(
            *("join", "--broker", made["brokers"][0], "--token-file", str(token), "--name", self.name),
            *("--inner-address", self._inner, "--public-origin", self.origin),
        )

    def start(self) -> None:
        command = ["serve", "--listen", self._listen, "--inner-listen", self._inner]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(*command),
                cwd=self._installation.clone,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

    async def until_ready(self) -> None:
        """A broker knows it, and hosts keep their link to it."""
        async with aiohttp.ClientSession() as session, asyncio.timeout(patient(READY_SECONDS)):
            while not (await self._answers(session) and self._links()):
                await asyncio.sleep(0.1)

    def kill(self) -> None:
        """For good: SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.terminate()
            self._process.wait(20)

    def _links(self) -> bool:
        """Whether the link of a host stands, since the last start."""
        since = self.log.rpartition("serving on port")[2]
        return len(re.findall("link stands", since)) > len(re.findall("link ended", since))

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.origin}/readyz") as got:
                return got.status == 200
        except aiohttp.ClientError:
            return False

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            self._command(*arguments),
            cwd=self._installation.clone,
            env=self._environment(),
            check=True,
            capture_output=True,
        )

    def _command(self, command: str, *arguments: str) -> list[str]:
        python = self._installation.clone / ".venv/bin/python"
        return [str(python), "-m", "gateway", command, "--state", str(self._state), *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")}
        return {**kept, "PYTHONPATH": str(self._installation.clone)}


@asynccontextmanager
async def more_gateways(installation: Quickstart, *names: str) -> AsyncIterator[tuple[FurtherGateway, ...]]:
    """They are ready; what is left of them is stopped."""
    with tempfile.TemporaryDirectory(prefix="gateways-") as folder:
        gateways = tuple(FurtherGateway(installation, name, Path(folder)) for name in names)
        try:
            for gateway in gateways:
                gateway.join()
                gateway.start()
            for gateway in gateways:
                await gateway.until_ready()
            yield gateways
        finally:
            for gateway in gateways:
                gateway.stop()
