"""Events, deadlines and signals of the leader, in one thread. Handlers are called one at a time."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import Any

Handler = Callable[[int], object]
"""Called with the selector's events."""


class Loop:
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._deadlines: dict[str, tuple[float, Callable[[], None]]] = {}
        self._signals = _signal_pipe()

    def watch(self, fd: Any, handler: Handler) -> None:
        self._selector.register(fd, selectors.EVENT_READ, handler)

    def unwatch(self, fd: Any) -> None:
        with contextlib.suppress(KeyError):  # it is not watched any more
            self._selector.unregister(fd)

    def watch_signals(self, handler: Callable[[set[int]], None]) -> None:
        self.watch(self._signals, lambda _: handler(set(os.read(self._signals, 4096))))

    def want_writes(self, fd: Any, wanted: bool) -> None:
        """Whether the handler of `fd` is called also when it can be written to."""
        key = self._selector.get_key(fd)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        if key.events != events:
            self._selector.modify(fd, events, key.data)

    def at(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` in so many seconds, unless the deadline of this name is set anew or cleared before."""
        self._deadlines[name] = (time.monotonic() + seconds, then)

    def within(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        """As `at`, but an earlier deadline of this name stays: events that never cease cannot put it off."""
        before = self._deadlines.get(name)
        if before is None or before[0] > time.monotonic() + seconds:
            self.at(name, seconds, then)

    def clear(self, name: str) -> None:
        self._deadlines.pop(name, None)

    def clear_all(self) -> None:
        self._deadlines.clear()

    def turn(self, call: Callable[[Callable[[], None]], None]) -> None:
        """Wait for what comes next and handle it, each handler through `call`."""
        for key, events in self._selector.select(self._seconds_to_deadline()):
            handler: Handler = key.data

            def handle(handler: Handler = handler, events: int = events) -> None:
                handler(events)

            call(handle)
        now = time.monotonic()
        for name in [name for name, (at, _) in self._deadlines.items() if at <= now]:
            if (due := self._deadlines.pop(name, None)) is not None:
                call(due[1])

    def _seconds_to_deadline(self) -> float | None:
        if not self._deadlines:
            return None
        return max(0.0, min(at for at, _ in self._deadlines.values()) - time.monotonic())


def _signal_pipe() -> int:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return read_end
