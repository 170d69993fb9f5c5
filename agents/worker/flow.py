"""The way of one viewer's frames in one hand: pacing, quality, and the figures of both. Pure.

Whoever makes the frames reports them and what is acknowledged, asks whether there may be another one, and how much
effort a video is worth.
"""

from __future__ import annotations

from agents.worker.figures import Figures, Limit, Seconds, limit_of
from agents.worker.pacing import Pacing
from agents.worker.quality import BLOCKED_SHARE, Effort, Quality


class Flow:
    """`round_trip`: what the handshake took."""

    def __init__(self, round_trip: float | None = None) -> None:
        self._pacing = Pacing(round_trip)
        self._quality = Quality()
        self._figures = Figures()

    def may_send(self, now: float, *, urgent: bool = False, is_wanted: bool = True) -> bool:
        return self._pacing.may_send(now, urgent, is_wanted)

    @property
    def budget_bytes(self) -> int:
        return self._pacing.budget_bytes

    def is_held_up(self, now: float) -> bool:
        """Frames that are due wait for acknowledgements."""
        return self._pacing.blocked_share(now) > BLOCKED_SHARE

    def effort(self, now: float) -> Effort:
        self._judge(now)
        return self._quality.effort

    def sent(self, sequence: int, size: int, captured_at: float, now: float) -> None:
        self._pacing.sent(sequence, size, now)
        self._figures.sent(size, now - captured_at, now)

    def acknowledged(self, sequence: int, drawn_after: float, now: float) -> None:
        self._pacing.acknowledged(sequence, now, drawn_after)
        self._figures.drawn(drawn_after, now)
        self._judge(now)

    def interrupted(self) -> None:
        """The viewer looks away."""
        self._pacing.interrupted()

    # --- Figures

    @property
    def round_trip(self) -> float:
        return self._pacing.round_trip

    def queueing(self, now: float) -> float:
        return self._pacing.queueing(now)

    @property
    def quality_percent(self) -> int:
        return round(self._quality.level * 100)

    def over(self, seconds: float, now: float) -> Seconds:
        return self._figures.over(seconds, now)

    def limit(self, load_percent: int, seconds: Seconds, now: float) -> Limit:
        return limit_of(self.round_trip, self.queueing(now), seconds, self.quality_percent, load_percent)

    def _judge(self, now: float) -> None:
        pacing = self._pacing
        self._quality.update(now, pacing.blocked_share(now), pacing.queueing(now), pacing.round_trip)
