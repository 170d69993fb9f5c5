"""Pacing of one viewer: when the next frame may be captured, and how many bytes it may have.

Bounded in bytes and in time. A viewer that falls behind gets fewer frames, never older ones; it never slows the
application. A window of unacknowledged bytes grows while the queueing delay of the path stays below a target and
shrinks above it (as LEDBAT does, RFC 6817: a fixed number of frames is wrong for thin links or for long ones, measured
by simulation). No I/O: the stream reports sends and acknowledgements and asks `may_send_at`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

TARGET_DELAY_SECONDS = 0.05
FIRST_WINDOW_BYTES = 64 << 10
MINIMUM_WINDOW_BYTES = 16 << 10
MAXIMUM_WINDOW_BYTES = 4 << 20
MAXIMUM_FRAMES_IN_FLIGHT = 30
BASE_SECONDS = 10.0
"""How long a round trip counts as the path's own: a path that became longer is believed after this."""
FRAME_INTERVAL_SECONDS = 1 / 60
ECHO_INTERVAL_SECONDS = 0.004
"""Between frames while input waits for its echo, or a picture for its rest."""
STALL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Sent:
    sequence: int
    at: float
    size: int


class Pacing:
    def __init__(self) -> None:
        self.window = FIRST_WINDOW_BYTES
        self.in_flight = 0
        self._sent: deque[_Sent] = deque()
        self._last_sent_at = -math.inf
        self._expected = 0.0
        self._round_trips: deque[tuple[float, float]] = deque()

    @property
    def budget_bytes(self) -> int:
        """The most that the next frame should have: what is not drawn by it is sent fresh with a later one."""
        return max(MINIMUM_WINDOW_BYTES, self.window - self.in_flight)

    def may_send_at(self, now: float, urgent: bool) -> float | None:
        """When the next frame may be captured; None: not before an acknowledgement. `urgent`: somebody waits for it."""
        if self._sent and (
            len(self._sent) >= MAXIMUM_FRAMES_IN_FLIGHT
            or self.in_flight + self._expected / 2 > self.window
            or now - self._sent[0].at > self._stall_seconds
        ):
            return None
        interval = ECHO_INTERVAL_SECONDS if urgent else FRAME_INTERVAL_SECONDS
        return max(now, self._last_sent_at + interval)

    def sent(self, sequence: int, size: int, now: float) -> None:
        self._sent.append(_Sent(sequence, now, size))
        self.in_flight += size
        self._last_sent_at = now
        self._expected += (size - self._expected) / 4

    def acknowledged(self, sequence: int, now: float) -> None:
        """All frames up to `sequence` are drawn. One that was never sent, or twice, changes nothing."""
        done: list[_Sent] = []
        while self._sent and self._sent[0].sequence <= sequence:
            done.append(self._sent.popleft())
        if not done:
            return
        in_flight_before = self.in_flight
        size = sum(frame.size for frame in done)
        self.in_flight -= size
        self._adapt(size, in_flight_before, self._queueing_delay(done, now))

    @property
    def _stall_seconds(self) -> float:
        return max(4 * self._base, STALL_SECONDS)

    @property
    def _base(self) -> float:
        return self._round_trips[0][1] if self._round_trips else 0.0

    def _queueing_delay(self, done: Sequence[_Sent], now: float) -> float:
        round_trip = max(0.0, now - done[-1].at)
        # A rising queue: its head is the shortest round trip of the last seconds.
        while self._round_trips and self._round_trips[-1][1] >= round_trip:
            self._round_trips.pop()
        self._round_trips.append((now, round_trip))
        while self._round_trips[0][0] < now - BASE_SECONDS:
            self._round_trips.popleft()
        return round_trip - self._base

    def _adapt(self, size: int, in_flight_before: int, delay: float) -> None:
        gain = max(-1.0, min(1.0, (TARGET_DELAY_SECONDS - delay) / TARGET_DELAY_SECONDS))
        if gain < 0:
            self.window += int(gain * size * 0.4)
        elif in_flight_before > self.window / 2:
            # Only what fills the window shows that a larger one is of use.
            self.window += int(gain * size * 0.5)
        self.window = max(MINIMUM_WINDOW_BYTES, min(MAXIMUM_WINDOW_BYTES, self.window))
