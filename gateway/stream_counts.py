"""Streams as those who watch the gateway want to know them. Plain numbers: nothing is added for a byte that passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from gateway.splice import End


class StreamCounts:
    """The bytes of a stream that runs are asked of its two ends; those of one that ended are kept here."""

    def __init__(self, dialled: Callable[[float], None] = lambda _: None) -> None:
        self.dialled = dialled
        """Called with the seconds from asking a host to its worker's dial."""
        self.admitted = 0
        self.refused: Counter[str] = Counter()
        """Reason code -> how often."""
        self._live: set[tuple[End, End]] = set()
        self._to_worker = 0
        self._to_browser = 0

    @property
    def live(self) -> int:
        return len(self._live)

    @property
    def to_worker_bytes(self) -> int:
        return self._to_worker + sum(browser.received_bytes for browser, _ in self._live)

    @property
    def to_browser_bytes(self) -> int:
        return self._to_browser + sum(worker.received_bytes for _, worker in self._live)

    def begun(self, browser: End, worker: End) -> None:
        self.admitted += 1
        self._live.add((browser, worker))

    def ended(self, browser: End, worker: End) -> None:
        self._live.discard((browser, worker))
        self._to_worker += browser.received_bytes
        self._to_browser += worker.received_bytes
