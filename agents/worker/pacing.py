"""Pacing of one viewer: whether a frame may be captured now, and how many bytes it may have.

Bounded in bytes and in time. A viewer that falls behind gets fewer frames, never older ones; it never slows the
application. A window of unacknowledged bytes grows while the queueing delay of the path stays below a target and
shrinks above it (as LEDBAT does, RFC 6817: a fixed number of frames is wrong for thin links or for long ones, measured
by simulation). What is small and answers input may leave although the window is full: behind the same bytes it arrives
the earlier, the earlier it leaves. No I/O: who sends reports it and the acknowledgements, and asks `may_send`.

The path's own round trip is the shortest of the last seconds. A queue that never empties hides it, and would be taken
for the path itself after a while: so it is emptied when the shortest grows old.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

TARGET_DELAY_SECONDS = 0.05
FAR_DELAY_SECONDS = 0.12
"""Far above the target the window is set to what the path has just shown to carry, at once."""
FIRST_WINDOW_BYTES = 16 << 10
NEAR_FIRST_WINDOW_BYTES = 64 << 10
NEAR_SECONDS = 0.02
"""A handshake this short came over no thin link: the first picture may take more at once."""
MINIMUM_WINDOW_BYTES = 2 << 10
"""For a path that carries no more in a round trip: at 64 kbit/s a letter waits for a quarter of a second behind it."""
USUAL_LEAST_WINDOW_BYTES = 4 << 10
MAXIMUM_WINDOW_BYTES = 4 << 20
LEAST_BUDGET_BYTES = 1 << 10
TELLING_BYTES = 1 << 10
"""Less under way made no queue worth speaking of: what it waited for was something else."""
FILLED_SHARE = 0.75
"""Only what fills the window so far shows that a larger one is of use."""
BUDGET_SHARE = 0.4
"""Of the window, for one frame: a window that leaves in one lump leaves the path idle half of the time."""
ECHO_RESERVE_BYTES = 4 << 10
"""What an urgent frame may have beyond a full window."""
MAXIMUM_FRAMES_IN_FLIGHT = 60
BASE_SECONDS = 10.0
"""How long a round trip counts as the path's own: a path that became longer is believed after this."""
EMPTY_AFTER_SECONDS = 7.0
NEAR_BASE_SECONDS = 0.005
"""A round trip this near to the shortest shows that the queue was empty."""
FILTER_SECONDS = 0.1
"""The queue is the least of so long, or of a round trip: a single late acknowledgement is jitter."""
JITTER_SHARE = 1.5
"""How much of what neighbours differ by, up and down again, is not taken for a queue: queues rise and fall steadily."""
MAXIMUM_JITTER_SECONDS = 0.1
SPREAD_SECONDS = 0.5
MAXIMUM_SPREAD_SECONDS = 0.06
"""A path whose delay varies by more is one with a queue."""
RATE_SECONDS = 2.0
"""How long it counts what the path has carried at the best."""
FRESH_SECONDS = 1.0
"""Without acknowledgements for so long, nothing is known of a queue."""
STALL_SECONDS = 1.0
BLOCKED_SECONDS = 0.5
"""What `blocked_share` looks back on."""


@dataclass(frozen=True, slots=True)
class _Sent:
    sequence: int
    at: float
    size: int
    behind: int
    """What was under way when it left, itself included: the path has carried so much when it is acknowledged."""


class _Least:
    """The least of what was put in the last seconds: a queue whose values rise, its head is the least."""

    def __init__(self) -> None:
        self._values: deque[tuple[float, float]] = deque()

    def put(self, now: float, value: float, seconds: float) -> None:
        while self._values and self._values[-1][1] >= value:
            self._values.pop()
        self._values.append((now, value))
        while self._values[0][0] < now - seconds:
            self._values.popleft()

    @property
    def least(self) -> float:
        return self._values[0][1] if self._values else 0.0


class _Jitter:
    """What delays vary by, without its being a queue of our own."""

    def __init__(self, first: float) -> None:
        self._turning = 0.0
        self._previous, self._change = first, 0.0
        self._rests: deque[tuple[float, float]] = deque()

    def put(self, now: float, delay: float, rest: float) -> None:
        """`rest`: of the delay, what the bytes under way do not explain."""
        change = delay - self._previous
        turned = min(abs(change), abs(self._change)) if change * self._change < 0 else 0.0
        self._turning += (min(turned, MAXIMUM_JITTER_SECONDS) - self._turning) / 16
        self._previous, self._change = delay, change
        self._rests.append((now, rest))
        while self._rests[0][0] < now - SPREAD_SECONDS:
            self._rests.popleft()

    def seconds(self, is_filled: bool) -> float:
        """`is_filled`: the window is full, which may well be the queue itself, however its delay varies.

        Else the mean of the rests above their least counts as well. Order is kept, so neighbours are late together; to
        send less would not make them earlier.
        """
        of_neighbours = JITTER_SHARE * self._turning
        if is_filled or not self._rests:
            return of_neighbours
        rests = [rest for _, rest in self._rests]
        return max(of_neighbours, min(sum(rests) / len(rests) - min(rests), MAXIMUM_SPREAD_SECONDS))


class Pacing:
    """`round_trip`: what the handshake took, the first thing that is known of the path."""

    def __init__(self, round_trip: float | None = None) -> None:
        is_near = round_trip is not None and round_trip < NEAR_SECONDS
        self.window = NEAR_FIRST_WINDOW_BYTES if is_near else FIRST_WINDOW_BYTES
        self.in_flight = 0
        self.round_trip = round_trip or 0.0
        """The newest, without what the client took to draw."""
        self._sent: deque[_Sent] = deque()
        self._expected = 0.0
        self._handshake = round_trip
        self._base, self._recent = _Least(), _Least()
        self._base_seen_at = -math.inf
        self._seconds_a_byte = _Least()
        self._jitter = _Jitter(round_trip or 0.0)
        self._queueing, self._measured_at = 0.0, -math.inf
        self._measured_from = 0
        """Frames before this one were under way when the viewer looked away."""
        self._emptied_by: int | None = None
        """The queue is being emptied, until this frame is acknowledged: echoes that follow it are small."""
        self._is_probing = False
        self._blocked_since: float | None = None
        self._blocked: deque[tuple[float, float]] = deque()

    @property
    def budget_bytes(self) -> int:
        """The most that the next frame should have: what is not drawn by it is sent fresh with a later one."""
        least = LEAST_BUDGET_BYTES if self.window < USUAL_LEAST_WINDOW_BYTES else USUAL_LEAST_WINDOW_BYTES
        if self._is_probing:
            return least
        free = min(self.window - self.in_flight, int(self.window * BUDGET_SHARE))
        return max(least, free)

    def may_send(self, now: float, urgent: bool, is_wanted: bool = True) -> bool:
        """Whether the next frame may be captured; if not, then not before an acknowledgement.

        `urgent`: somebody waits for it. `is_wanted`: it shows something new; else it waits without being counted as
        held up (`blocked_share`).
        """
        if not self._is_blocked(now, urgent):
            self._end_blocked(now)
            return True
        if is_wanted and self._blocked_since is None and self._emptied_by is None:
            self._blocked_since = now
        return False

    def sent(self, sequence: int, size: int, now: float) -> None:
        self.in_flight += size
        self._sent.append(_Sent(sequence, now, size, self.in_flight))
        self._is_probing = False
        self._expected += (size - self._expected) / 4

    def acknowledged(self, sequence: int, now: float, drawn_after: float = 0.0) -> None:
        """All frames up to `sequence` are drawn, the last of them so many seconds after it came.

        One that was never sent, or twice, changes nothing.
        """
        done: list[_Sent] = []
        while self._sent and self._sent[0].sequence <= sequence:
            done.append(self._sent.popleft())
        if not done:
            return
        in_flight_before = self.in_flight
        size = sum(frame.size for frame in done)
        self.in_flight -= size
        if done[-1].sequence >= self._measured_from:
            self._measure(done[-1], now, drawn_after)
            self._adapt(done[-1], size, in_flight_before, now)
        if self._emptied_by is not None and self._emptied_by <= done[-1].sequence:
            self._emptied_by, self._is_probing, self._base_seen_at = None, True, now

    def interrupted(self) -> None:
        """The viewer looks away: how long the acknowledgements of what is under way take says nothing."""
        if self._sent:
            self._measured_from = self._sent[-1].sequence + 1
        self._blocked_since = None

    def queueing(self, now: float) -> float:
        """Of path and client: the least of the last moment above the path's own round trip and its jitter."""
        return self._queueing if now - self._measured_at < FRESH_SECONDS else 0.0

    def blocked_share(self, now: float) -> float:
        """For which share of the last moment a frame that was due had to wait for an acknowledgement."""
        start = now - BLOCKED_SECONDS
        while self._blocked and self._blocked[0][1] < start:
            self._blocked.popleft()
        blocked = sum(end - max(begin, start) for begin, end in self._blocked)
        if self._blocked_since is not None:
            blocked += max(0.0, now - max(self._blocked_since, start))
        return min(1.0, blocked / BLOCKED_SECONDS)

    def _is_blocked(self, now: float, urgent: bool) -> bool:
        if not self._sent:
            return False
        room = self.window + (ECHO_RESERVE_BYTES if urgent else 0)
        return (
            len(self._sent) >= MAXIMUM_FRAMES_IN_FLIGHT
            or self.in_flight + min(self._expected, room) / 2 > room
            or now - self._sent[0].at > max(4 * self._base.least, STALL_SECONDS)
            or (self._emptied_by is not None and not urgent)
        )

    def _end_blocked(self, now: float) -> None:
        since, self._blocked_since = self._blocked_since, None
        if since is not None and now > since:
            self._blocked.append((since, now))

    def _measure(self, newest: _Sent, now: float, drawn_after: float) -> None:
        whole = max(0.0, now - newest.at)
        # A client that claims to have drawn for longer than the frame was away measures nothing.
        self.round_trip = whole - drawn_after if drawn_after < whole else whole
        if self._handshake is not None:
            self._base.put(now, self._handshake, BASE_SECONDS)
            self._handshake = None
        self._base.put(now, whole, BASE_SECONDS)
        base = self._base.least
        if whole <= base + NEAR_BASE_SECONDS or self._base_seen_at == -math.inf:
            self._base_seen_at = now
        elif now - self._base_seen_at > EMPTY_AFTER_SECONDS and self._sent and self._emptied_by is None:
            self._emptied_by = self._sent[-1].sequence
        self._recent.put(now, whole, max(FILTER_SECONDS, base))
        self._seconds_a_byte.put(now, whole / max(1, newest.behind), RATE_SECONDS)
        self._jitter.put(now, whole, whole - newest.behind * self._seconds_a_byte.least)
        jitter = self._jitter.seconds(newest.behind > self.window * FILLED_SHARE)
        self._queueing = max(0.0, self._recent.least - base - jitter)
        self._measured_at = now

    def _adapt(self, newest: _Sent, size: int, in_flight_before: int, now: float) -> None:
        gain = max(-1.0, min(1.0, (TARGET_DELAY_SECONDS - self._queueing) / TARGET_DELAY_SECONDS))
        window = self.window
        if self._queueing > FAR_DELAY_SECONDS and newest.behind >= TELLING_BYTES:
            share = (self._base.least + TARGET_DELAY_SECONDS) / (now - newest.at)
            window = min(window, int(newest.behind * share))
        elif gain < 0:
            window += int(gain * size * 0.4)
        elif in_flight_before > self.window * FILLED_SHARE:
            window += int(gain * size * 0.5)
        self.window = max(self._least_window, min(MAXIMUM_WINDOW_BYTES, window))

    @property
    def _least_window(self) -> int:
        carried = (self._base.least + TARGET_DELAY_SECONDS) / max(self._seconds_a_byte.least, 1e-9)
        return max(MINIMUM_WINDOW_BYTES, min(USUAL_LEAST_WINDOW_BYTES, int(carried)))
