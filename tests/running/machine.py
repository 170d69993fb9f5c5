"""How slow this machine is just now: a fixed piece of work, timed beside the time that it usually takes.

Tests wait longer on a slow machine (tests/support/patience.py): they read the factor from a file that is kept up to
date while the suites run, for a machine may become slow in the middle. It never falls, and is never below 1.
Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

USUAL_SECONDS = 0.075
"""Of the piece of work, with nothing beside it, on the machine that the suites' times are given for."""
CROWDED = 2.5
"""How many times longer it usually takes while all lanes are busy."""
_EVERY_SECONDS = 15
_LOOKS = 5


def slowness() -> float:
    """How many times its usual seconds the piece of work takes: what computes, and what starts processes."""
    started = time.perf_counter()
    value = b""
    for number in range(150_000):
        value = hashlib.sha256(value + b"%d" % number).digest()
    for _ in range(5):
        subprocess.run(["/bin/true"], check=True)
    return (time.perf_counter() - started) / USUAL_SECONDS


def now() -> float:
    """The best of three."""
    return min(slowness() for _ in range(3))


class Watch:
    """Keeps the factor in a file, whose path stands in the environment of all that is started."""

    def __init__(self, place: Path, first: float) -> None:
        self._place = place
        self._looks: deque[float] = deque(maxlen=_LOOKS)
        self._over = threading.Event()
        self.factor = 1.0
        self._raise(first)
        os.environ["TESTS_PATIENCE"] = str(place)

    def __enter__(self) -> Watch:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            self.seen(slowness())

    def seen(self, crowded: float) -> None:
        """A moment proves nothing: half of the last looks have to say so."""
        self._looks.append(crowded)
        if len(self._looks) == _LOOKS:
            self._raise(statistics.median(self._looks) / CROWDED)

    def _raise(self, factor: float) -> None:
        if factor > self.factor or not self._place.exists():
            self.factor = max(self.factor, round(factor, 2))
            draft = self._place.with_suffix(".new")
            draft.write_text(f"{self.factor}\n")
            draft.replace(self._place)
