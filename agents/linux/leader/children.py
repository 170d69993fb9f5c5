"""The named processes of a session: how they were started, what they print, how they ended."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from agents.linux.leader import processes
from agents.linux.leader.loop import Loop
from agents.linux.leader.output import Output, SessionLog
from agents.linux.leader.waiting import Waiting

_READ_BYTES = 1 << 16
_MAXIMUM_LAST_READS = 64


class Children:
    """`on_lines` gets the name of a process and whole lines that it printed."""

    def __init__(self, loop: Loop, log: SessionLog, on_lines: Callable[[str, list[bytes]], None]) -> None:
        self._loop = loop
        self._log = log
        self._on_lines = on_lines
        self._outputs: dict[str, tuple[int, Output]] = {}
        self.pids: dict[str, int] = {}
        self.exit_statuses: dict[str, int] = {}
        self.killed_at = -math.inf
        """When one was last found that SIGKILL had ended, on the monotonic clock."""

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        confinement: processes.Confinement,
        passed: int | None = None,
        waiting: Waiting | None = None,
        entered: str | None = None,
    ) -> None:
        """One of this name that has ended is forgotten. `waiting`: becomes it. `entered`: all that it finds to read.
        Raises OSError."""
        self._forget(name)
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        self._outputs[name] = (read_end, Output(self._log, name))
        self._loop.watch(read_end, lambda _: self._read(name))
        source = None if entered is None else _filled(entered)
        try:
            if waiting is not None and passed is not None:
                self.pids[name] = waiting.start(command, environment, confinement, write_end, passed)
            else:
                self.pids[name] = processes.start(
                    command, environment, confinement, write_end, passed, source
                )
        finally:
            os.close(write_end)
            if source is not None:
                os.close(source)

    def reap(self) -> list[str]:
        """Names of those that have ended since the last call; nameless ones are reaped as well."""
        ended = []
        for pid, status in processes.reap():
            if status == -signal.SIGKILL:
                self.killed_at = time.monotonic()
            for name in [name for name in self.living() if self.pids[name] == pid]:
                self.exit_statuses[name] = status
                self._log.write("leader", f"{name} ended with {status}")
                ended.append(name)
        return ended

    def living(self) -> list[str]:
        return [name for name in self.pids if name not in self.exit_statuses]

    def below(self, name: str) -> set[int]:
        """What descends from a living one; empty when it has ended."""
        return processes.descendants(of=self.pids[name]) if name in self.living() else set()

    def application(self) -> set[int]:
        """Whatever descends from the application, forked away or not."""
        others = {self.pids[name] for name in self.living() if name != "application"}
        return processes.descendants(without=others)

    def last_lines(self, name: str) -> str:
        """What it printed last, with what still stands in the pipe (bounded: others may go on writing)."""
        if name not in self._outputs:
            return ""
        for _ in range(_MAXIMUM_LAST_READS):
            if not self._read(name):
                break
        return self._outputs[name][1].last_lines()

    def _forget(self, name: str) -> None:
        self.exit_statuses.pop(name, None)
        if (before := self._outputs.pop(name, None)) is not None:
            self._loop.unwatch(before[0])
            os.close(before[0])

    def _read(self, name: str) -> bool:
        """Whether there may be more."""
        fd, output = self._outputs[name]
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._loop.unwatch(fd)
            return False
        if lines := output.feed(data):
            self._on_lines(name, lines)
        return True


def _filled(text: str) -> int:
    """A pipe that holds this and no more: read once it is gone, which a file would not be. Less than it takes without
    a reader."""
    read_end, write_end = os.pipe()
    os.write(write_end, text.encode())
    os.close(write_end)
    return read_end
