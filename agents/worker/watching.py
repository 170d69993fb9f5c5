"""What a client, and the site, are told of a stream: QUALITY each second while it is watched, figures when asked.

The worker knows the path, its encoder and its host; what the user feels (echo times) only the client knows, and reports
(VIEW_REPORT). A report is worth as much as its client: it is bounded, shown, and decides nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from agents.worker.frames import Frames
from portcullis.clock import Clock
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol import messages as m

SECOND = 1.0
REPORTED_SECONDS = 30.0
"""A report that is older says nothing of now: they come every ten seconds while the view is visible."""
_FIGURES_SECONDS = 10.0
_LARGEST_U32 = (1 << 32) - 1
_LONGEST_ECHO_US = 60_000_000
_LIMITS = ("none", "network", "host", "client")


class Watch:
    """Of one connection; from WELCOME to its end."""

    def __init__(
        self,
        frames: Frames,
        clock: Clock,
        send: Callable[[m.Message], None],
        host_load: Callable[[], float],
    ) -> None:
        """`host_load`: of what all cores can do; it may raise OSError where nobody knows."""
        self._host_load = host_load
        self._frames = frames
        self._clock = clock
        self._send = send
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = -math.inf
        self._report: m.ViewReport | None = None
        self._reported_at = 0.0

    def watch(self, is_on: bool) -> None:
        self.close()
        if is_on:
            # Not at once each time that a client says so: the figures take a tenth of a millisecond.
            self._tell_in(max(0.0, self._told_at + SECOND - self._clock.monotonic()))

    def reported(self, report: m.ViewReport) -> None:
        self._report, self._reported_at = report, self._clock.monotonic()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def figures(self) -> StreamFigures | None:
        """Of the last ten seconds; None for a view that is hidden."""
        if not self._frames.is_visible:
            return None
        now = self._clock.monotonic()
        flow, load = self._frames.flow, self._host_load_percent()
        seconds = flow.over(_FIGURES_SECONDS, now)
        report = self._report if now - self._reported_at < REPORTED_SECONDS else None
        return StreamFigures(
            echo_median_ms=0.0 if report is None else _milliseconds(report.echo_median_us),
            echo_p95_ms=0.0 if report is None else _milliseconds(report.echo_p95_us),
            round_trip_ms=round(flow.round_trip * 1000, 1),
            frames_per_second=round(seconds.frames_per_second, 1),
            bytes_per_second=round(seconds.bytes_per_second),
            encoding_ms=round(seconds.encoding * 1000, 1),
            quality=flow.quality_percent,
            encoder=self._frames.encoder[:64],
            limit=_LIMITS[flow.limit(load, seconds, now)],
        )

    def _tell_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._tell)

    def _tell(self) -> None:
        self._tell_in(SECOND)
        self._told_at = self._clock.monotonic()
        if self._frames.is_visible:
            self._send(self._message())

    def _message(self) -> m.Quality:
        now = self._clock.monotonic()
        flow, load = self._frames.flow, self._host_load_percent()
        seconds = flow.over(SECOND, now)
        return m.Quality(
            _microseconds(flow.round_trip),
            _microseconds(flow.queueing(now)),
            _microseconds(seconds.encoding),
            flow.quality_percent,
            load,
            int(flow.limit(load, seconds, now)),
            self._frames.encoder[:64],
        )

    def _host_load_percent(self) -> int:
        try:
            return min(0xFFFF, round(100 * self._host_load()))
        except OSError:
            return 0


def _microseconds(seconds: float) -> int:
    return min(_LARGEST_U32, max(0, round(seconds * 1_000_000)))


def _milliseconds(reported_us: int) -> float:
    return round(min(reported_us, _LONGEST_ECHO_US) / 1000, 1)
