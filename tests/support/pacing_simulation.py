"""Pacing and quality over simulated paths: a discrete-event model of one viewer, minutes of it in a moment.

    run = Simulation(Line(delay=0.04, bits_per_second=2e6), video_bits=4e6).run(30)
    assert run.frame_age(0.95) < 0.16

What decides is the product's own (`Pacing`, `Quality`); modelled are the path (`slow_path.Link`, both ways), what the
application shows (a video, a flood of text, letters typed), how large its frames are, and how the client acknowledges.
The order of a step is that of `agents/worker/frames.py`.
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agents.worker.frames import ECHO_INTERVAL_SECONDS, INTERVAL_SECONDS
from agents.worker.pacing import Pacing
from agents.worker.quality import Quality
from tests.support.slow_path import Line, Link

ACKNOWLEDGEMENT_BYTES = 24
LETTER_BYTES = 900
TILES_BYTES = 400_000
"""A flood's whole screen of text."""
BLURRED_SHARE = 0.25
"""Bytes of a video picture at the least quality, of those at the best (x264 at crf 34 and 23)."""


@dataclass
class Run:
    """What was measured. Ages are from the application's change to its drawing, in order of drawing."""

    seconds: float
    frames: list[tuple[float, float]] = field(default_factory=list)
    """When each picture of the video was drawn, and its age."""
    letters: list[tuple[float, float]] = field(default_factory=list)
    drawn_bytes: int = 0
    most_in_flight: int = 0
    most_queued: int = 0
    levels: list[tuple[float, float]] = field(default_factory=list)
    windows: list[tuple[float, int]] = field(default_factory=list)
    longest_silence: float = 0.0
    """Between two sends, while something waited to be sent."""

    def frame_age(self, share: float, since: float = 0.0) -> float:
        return _quantile([age for at, age in self.frames if at >= since], share)

    def letter_age(self, share: float, since: float = 0.0) -> float:
        return _quantile([age for at, age in self.letters if at >= since], share)

    def frame_rate(self, since: float = 0.0, until: float | None = None) -> float:
        until = self.seconds if until is None else until
        return sum(since <= at < until for at, _ in self.frames) / (until - since)

    def level(self, at: float) -> float:
        return self.levels[max(0, bisect.bisect(self.levels, (at, math.inf)) - 1)][1]


@dataclass
class _Frame:
    sequence: int
    end: int
    video_at: float | None
    letter_times: list[float]


class Simulation:
    """`changes`: (when, line) of the way down. `acknowledges`: may be replaced by a client that misbehaves."""

    def __init__(
        self,
        down: Line,
        up: Line | None = None,
        *,
        changes: Sequence[tuple[float, Line]] = (),
        video_bits: float = 0.0,
        offered: float = 30.0,
        letters_per_second: float = 0.0,
        is_flooded: bool = False,
        encoding: float = 0.004,
        drawing: float = 0.002,
        is_paced: bool = True,
        silent: Sequence[tuple[float, float]] = (),
        seed: int = 1,
    ) -> None:
        self.pacing = Pacing(down.delay + (up or down).delay + 0.01 + 0.8 * down.jitter)
        self.quality = Quality()
        self._down, self._up = Link(down), Link(up or Line(down.delay, jitter=down.jitter))
        self._changes = sorted(changes, key=lambda change: change[0])
        self._video_bits, self._offered = video_bits, offered
        self._letters_per_second, self._is_flooded = letters_per_second, is_flooded
        self._encoding, self._drawing, self._is_paced = encoding, drawing, is_paced
        self._silent = silent
        self._random = random.Random(seed)
        self._now = 0.0
        self._sequence = self._acknowledged = 0
        self._put_bytes = 0
        self._flying: list[_Frame] = []
        self._drawn: list[tuple[float, _Frame]] = []
        self._replies: list[tuple[int, int]] = []
        self._reply_bytes = 0
        self._video_changed_at: float | None = None
        self._video_sent_at = self._taken_at = -math.inf
        self._letters_waiting: list[float] = []
        self._ready: tuple[float, Callable[[], None]] | None = None
        """The encoder is busy up to then."""
        self._idle_since: float | None = None

    def run(self, seconds: float) -> Run:
        run = Run(seconds)
        next_video = 0.0 if self._video_bits else math.inf
        next_letter = 0.02 if self._letters_per_second else math.inf
        while True:
            times = [
                next_video,
                next_letter,
                self._changes[0][0] if self._changes else math.inf,
                self._ready[0] if self._ready else math.inf,
                self._drawn[0][0] if self._drawn else math.inf,
                _or_never(self._down.next_at()),
                _or_never(self._up.next_at()),
                self._step_at(),
            ]
            self._now = max(self._now, min(times))
            if self._now >= seconds:
                return run
            if next_video <= self._now:
                self._video_changed_at = self._now
                next_video += 1 / self._offered
            if next_letter <= self._now:
                self._letters_waiting.append(self._now)
                next_letter += 1 / self._letters_per_second
            self._advance(run)

    def _advance(self, run: Run) -> None:
        now = self._now
        while self._changes and self._changes[0][0] <= now:
            line = self._changes.pop(0)[1]
            self._down.change(line, now)
            self._up.change(Line(line.delay, jitter=line.jitter), now)
        if self._ready is not None and self._ready[0] <= now:
            finish, self._ready = self._ready[1], None
            finish()
        self._deliver()
        self._draw(run)
        self._take_acknowledgements()
        if self._step_at() <= now:
            self._take()
        run.most_in_flight = max(run.most_in_flight, self.pacing.in_flight)
        run.most_queued = max(run.most_queued, self._down.queued_bytes)
        run.levels.append((now, self.quality.level))
        run.windows.append((now, self.pacing.window))

    # --- The worker

    def _video_due_at(self) -> float:
        if self._video_changed_at is None:
            return math.inf
        interval = 1 / self.quality.effort.frames_per_second
        # Offered pictures come at times of their own: half a tick early is on time.
        return self._video_sent_at + interval * 0.75

    def _step_at(self) -> float:
        """When the next frame may be taken, as far as is known now."""
        if self._ready is not None:
            return math.inf
        is_urgent = bool(self._letters_waiting)
        wanted_at = 0.0 if is_urgent or self._is_flooded else self._video_due_at()
        if wanted_at > self._now:
            return wanted_at
        if not self._is_paced:
            return self._now
        at = self._taken_at + (ECHO_INTERVAL_SECONDS if is_urgent else INTERVAL_SECONDS)
        if at > self._now:
            return at
        return self._now if self.pacing.may_send(self._now, is_urgent) else math.inf

    def _take(self) -> None:
        self.quality.update(
            self._now,
            self.pacing.blocked_share(self._now),
            self.pacing.queueing(self._now),
            self.pacing.round_trip,
        )
        letters, self._letters_waiting = self._letters_waiting, []
        size, video_at = LETTER_BYTES * bool(letters), None
        may_film = self.pacing.may_send(self._now, False, is_wanted=False)
        if self._video_due_at() <= self._now and (not self._is_paced or may_film):
            video_at, self._video_changed_at = self._video_changed_at, None
            self._video_sent_at = self._now
            size += self._video_size()
        elif self._is_flooded and not letters:
            size += min(TILES_BYTES, self.pacing.budget_bytes) if self._is_paced else TILES_BYTES
        self._taken_at = self._now
        self._ready = self._now + self._encoding, lambda: self._finish(size, video_at, letters)

    def _video_size(self) -> int:
        effort = self.quality.effort
        share = BLURRED_SHARE ** (1 - effort.video_quality) if self._is_paced else 1.0
        return int(self._video_bits / 8 / self._offered * share * self._random.uniform(0.7, 1.3))

    def _finish(self, size: int, video_at: float | None, letters: list[float]) -> None:
        self._sequence += 1
        self.pacing.sent(self._sequence, size, self._now)
        self._down.put(bytes(size), self._now)
        self._put_bytes += size
        self._flying.append(_Frame(self._sequence, self._put_bytes, video_at, letters))

    def _judge(self) -> None:
        now, pacing = self._now, self.pacing
        self.quality.update(now, pacing.blocked_share(now), pacing.queueing(now), pacing.round_trip)

    # --- The path and the client

    def _deliver(self) -> None:
        self._down.take(self._now)
        while self._flying and self._flying[0].end <= self._down.delivered_bytes:
            before = self._drawn[-1][0] if self._drawn else 0.0
            self._drawn.append((max(self._now, before) + self._drawing, self._flying.pop(0)))

    def _draw(self, run: Run) -> None:
        while self._drawn and self._drawn[0][0] <= self._now:
            at, frame = self._drawn.pop(0)
            if frame.video_at is not None:
                run.frames.append((at, at - frame.video_at))
            run.letters += [(at, at - typed) for typed in frame.letter_times]
            run.drawn_bytes = frame.end
            if not any(start <= at < end for start, end in self._silent):
                self._up.put(bytes(ACKNOWLEDGEMENT_BYTES), at)
                self._reply_bytes += ACKNOWLEDGEMENT_BYTES
                self._replies.append((self._reply_bytes, frame.sequence))

    def _take_acknowledgements(self) -> None:
        self._up.take(self._now)
        while self._replies and self._replies[0][0] <= self._up.delivered_bytes:
            _, sequence = self._replies.pop(0)
            self.pacing.acknowledged(sequence, self._now, self._drawing)
            self.quality.update(
                self._now,
                self.pacing.blocked_share(self._now),
                self.pacing.queueing(self._now),
                self.pacing.round_trip,
            )


def _or_never(at: float | None) -> float:
    return math.inf if at is None else at


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)] if values else math.inf
