"""Credentials that users entered for one launch, in this broker's memory until the host takes them.

Each is taken once, and forgotten after a while: a launch that waits in line longer asks again. Nothing of them is
written anywhere; with the broker they are gone.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from portcullis.clock import Clock
from portcullis.model.rdp import Entered

KEPT_SECONDS = 300.0
MOST = 10_000
"""More launches at once than any broker has: the oldest gives way."""


@dataclass(frozen=True, slots=True)
class _Kept:
    entered: Entered = field(repr=False)
    until: float


class LaunchCredentials:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, session_id: str, entered: Entered) -> None:
        self._forget_old()
        self._kept[session_id] = _Kept(entered, self._clock.monotonic() + KEPT_SECONDS)

    def take(self, session_id: str) -> Entered | None:
        """Once."""
        self._forget_old()
        kept = self._kept.pop(session_id, None)
        return None if kept is None else kept.entered

    def forget(self, session_id: str) -> None:
        self._kept.pop(session_id, None)

    def __len__(self) -> int:
        self._forget_old()
        return len(self._kept)

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if oldest.until > now and len(self._kept) <= MOST:
                return
            self._kept.popitem(last=False)
