"""Bytes of streams are counted whether they run or have ended, and never twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.stream_counts import StreamCounts


@dataclass(eq=False)
class End:
    received_bytes: int = 0


def test_bytes_of_living_and_of_ended_streams_add_up() -> None:
    counts = StreamCounts()
    browser, worker = End(10), End(1000)
    ends: Any = (browser, worker)
    counts.begun(*ends)
    assert (counts.live, counts.to_worker_bytes, counts.to_browser_bytes) == (1, 10, 1000)
    browser.received_bytes, worker.received_bytes = 20, 3000
    assert (counts.to_worker_bytes, counts.to_browser_bytes) == (20, 3000)
    counts.ended(*ends)
    assert (counts.live, counts.admitted) == (0, 1)
    assert (counts.to_worker_bytes, counts.to_browser_bytes) == (20, 3000)
