"""Runs the parts and starts those again that die: `python -m portcullis.quickstart.supervisor --clone PATH`.

Concurrency: one task a part, one for chores (logs that are full, a given certificate that changed); a stop ends the
parts in reverse order, then the tasks. It holds `supervisor.lock` for as long as it lives, so that there is one at
most, and answers on `supervisor.sock`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcullis import logs
from portcullis.quickstart import control_socket, given_certificate, instance, log_files
from portcullis.quickstart.backoff import Backoff
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.parts import ENVIRONMENT, Part, parts
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
CHORE_SECONDS = 5.0


@dataclass
class Runner:
    """Keeps one part running until it is told to stop."""

    part: Part
    log_path: Path
    backoff: Backoff = field(default_factory=Backoff)
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    since: float = field(default_factory=time.time)
    on_started: Callable[[Part, int], None] = lambda part, pid: None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _free: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._free.set()

    @property
    def is_free(self) -> bool:
        return self._free.is_set()

    def hold(self) -> None:
        """It is not started again until it is released."""
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    async def keep_running(self) -> None:
        while not self._stopping.is_set():
            await self._free.wait()
            if self._stopping.is_set():
                return
            started = time.monotonic()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            wait = self.backoff.died(time.monotonic() - started)
            self.restarts += 1
            log.warning("%s ended with status %s, starts again in %.2f s", self.part.name, status, wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)

    async def _run_once(self) -> int | None:
        """The exit status; None when it could not be started."""
        output = log_files.open_log(self.log_path)
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as exc:
            log.error("%s could not be started: %s", self.part.name, exc)
            return None
        finally:
            os.close(output)
        self.since = time.time()
        log.info("%s runs", self.part.name, extra=logs.ids(pid=self.process.pid))
        self.on_started(self.part, self.process.pid)
        try:
            return await self.process.wait()
        finally:
            self.process = None

    async def stop(self) -> None:
        self._stopping.set()
        self._free.set()
        process = self.process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            process.send_signal(signal.SIGCONT)  # a frozen one would not hear it
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                log.warning("%s did not stop within %.0f s and is killed", self.part.name, STOP_SECONDS)
                process.kill()
                await process.wait()

    def status(self) -> dict[str, Any]:
        pid = self.process.pid if self.process else None
        return {"name": self.part.name, "pid": pid, "since": self.since, "restarts": self.restarts}


class Supervisor:
    def __init__(
        self,
        parts: Sequence[Part],
        log_folder: Path,
        release: str,
        chores: Sequence[Callable[[], None]] = (),
        backoff: Callable[[], Backoff] = Backoff,
        on_started: Callable[[Part, int], None] = lambda part, pid: None,
    ) -> None:
        self._chores = chores
        self.runners = [
            Runner(part, log_folder / f"{part.name}.log", backoff(), on_started=on_started) for part in parts
        ]
        self._log_paths = [*(runner.log_path for runner in self.runners), log_folder / "supervisor.log"]
        self._release = release
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()

    async def run(self, socket_path: Path) -> None:
        """Until a stop is asked for, by signal or by command."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        tasks = [spawn(self._do_chores(), name="chores")]
        tasks += [spawn(runner.keep_running(), name=runner.part.name) for runner in self.runners]
        server = await control_socket.serve(socket_path, self.answer)
        try:
            await self._stop.wait()
            for runner in reversed(self.runners):
                await runner.stop()
        finally:
            self._stopped.set()
            await cancel_and_wait(*tasks)
            server.close()
            socket_path.unlink(missing_ok=True)

    async def answer(self, command: str) -> dict[str, Any]:
        if command == "status":
            return self.status()
        if command == "stop":
            self._stop.set()
            await self._stopped.wait()
            return {"stopped": True}
        return {"error": f"no such command: {command}"}

    def status(self) -> dict[str, Any]:
        found = [runner.status() for runner in self.runners]
        return {"pid": os.getpid(), "release": self._release, "parts": found}

    async def _do_chores(self) -> None:
        while True:
            for path in self._log_paths:
                log_files.turn_over(path)
            for chore in self._chores:
                chore()
            await asyncio.sleep(CHORE_SECONDS)


@contextlib.contextmanager
def only_one(lock_path: Path) -> Any:
    """Raises QuickstartError if another supervisor lives."""
    with lock_path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise QuickstartError("a supervisor of this instance is running already") from None
        yield


async def supervise(clone: Path) -> None:
    found = instance.load(clone)
    if found is None:
        raise QuickstartError(f"{clone} was not started yet: run deploy/quickstart.sh")
    with only_one(found.state / "supervisor.lock"):
        try:
            chores = [given_certificate.Watch(found)]
            supervisor = Supervisor(parts(found), found.logs, str(found.release), chores)
            await supervisor.run(found.control_socket)
        finally:
            found.supervisor_pid_file.unlink(missing_ok=True)


def main(description: str, supervise: Callable[[Path], Coroutine[Any, Any, None]]) -> None:
    """The command line of a supervisor: what it supervises is that of a clone."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--clone", type=Path, required=True)
    logs.configure("supervisor")
    try:
        asyncio.run(supervise(parser.parse_args().clone))
    except QuickstartError as exc:
        log.error("%s", exc)
        raise SystemExit(1) from exc


if __name__ == "__main__":
    main("Runs the parts of a quickstart.", supervise)
