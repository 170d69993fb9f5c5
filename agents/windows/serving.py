"""What the service runs: the agent, begun anew when it fails; before this machine has joined, the wait for that."""

from __future__ import annotations

import argparse
import asyncio
import logging
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from agents.app import serve
from agents.settings import AgentSettings
from agents.windows import acl, paths
from agents.windows.backend import WindowsBackend
from agents.windows.interactive import LoggedOn
from portcullis import logs, settings
from portcullis.errors import InvalidInput
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
LOOK_SECONDS = 2.0
LOG_BYTES, LOGS_KEPT = 4 << 20, 3


def read_settings(arguments: list[str]) -> AgentSettings:
    """Raises InvalidInput."""
    parser = argparse.ArgumentParser(prog="agents.windows.service")
    settings.add_arguments(parser, AgentSettings)
    given = parser.parse_args(arguments)
    if given.config is None and paths.config_file().is_file():
        given.config = str(paths.config_file())
    try:
        return settings.load(AgentSettings, "agent", given)
    except InvalidInput as exc:
        if exc.field != "--state":
            raise
    given.state = str(paths.state())
    return settings.load(AgentSettings, "agent", given)


async def run(chosen: AgentSettings, stop: asyncio.Event) -> None:
    """Until `stop` is set. What ends the agent is logged, and it is begun anew: a service that ended would be restarted
    by the service manager a few times a day and no more."""
    stopped = spawn(stop.wait(), name="stop")
    try:
        while not stop.is_set():
            await _until_joined(chosen.state, stopped)
            if stop.is_set():
                return
            try:
                await serve(chosen, stop, WindowsBackend(LoggedOn()))
            except Exception:  # whatever it was is in the log, and sessions go on
                log.exception("the agent failed, and is begun anew")
                await asyncio.wait([stopped], timeout=AGAIN_SECONDS)
    finally:
        await cancel_and_wait(stopped)


async def _until_joined(state: Path, stopped: asyncio.Task[Any]) -> None:
    waiting = False
    while not (state / "machine.json").is_file() and not stopped.done():
        if not waiting:
            log.warning("this machine is no host of a site yet: waiting for it to join")
            waiting = True
        await asyncio.wait([stopped], timeout=LOOK_SECONDS)


def settings_with_log(arguments: list[str]) -> AgentSettings:
    """From here on what is logged is in the file, and why there are no settings as well. Raises InvalidInput."""
    try:
        chosen = read_settings(arguments)
    except InvalidInput as exc:
        logs.configure("agent")
        _log_to_file()
        log.error("the service cannot run: %s", exc)
        raise
    logs.configure("agent", chosen.log_level, chosen.log_format)
    _log_to_file()
    return chosen


def _log_to_file() -> None:
    folder = paths.logs()
    acl.make_private(folder)
    handler = RotatingFileHandler(
        folder / "agent.log", maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8"
    )
    root = logging.getLogger()
    handler.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [handler]


class Running:
    """The agent in a thread's event loop: `begin` from one thread, `stop` from any."""

    def __init__(self, chosen: AgentSettings) -> None:
        self._chosen = chosen
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._is_asked = threading.Event()
        self._begun = threading.Lock()

    def run(self) -> None:
        """Until it is stopped."""
        asyncio.run(self._run())

    def stop(self) -> None:
        with self._begun:
            self._is_asked.set()
            if self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _run(self) -> None:
        with self._begun:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            if self._is_asked.is_set():
                self._stop.set()
        try:
            await run(self._chosen, self._stop)
        finally:
            with self._begun:
                self._loop = None
