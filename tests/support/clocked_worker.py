"""The worker with a monotonic clock that a test moves on: `python -m tests.support.clocked_worker FILE`.

FILE holds the seconds that are added to this machine's, as a little-endian double. What the worker tells every ten
seconds it tells at once, again and again.
"""

from __future__ import annotations

import mmap
import struct
import sys
from pathlib import Path

from agents.worker import __main__ as program
from agents.worker import app
from portcullis.clock import SystemClock

FORM = struct.Struct("<d")
TELLING_SECONDS = 0.05


class MovedClock(SystemClock):
    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._moved = mmap.mmap(file.fileno(), FORM.size, prot=mmap.PROT_READ)

    def monotonic(self) -> float:
        return super().monotonic() + FORM.unpack_from(self._moved)[0]


if __name__ == "__main__":
    clock = MovedClock(Path(sys.argv[1]))
    app.FIGURES_SECONDS = TELLING_SECONDS
    program.SystemClock = lambda: clock  # type: ignore[assignment,misc]
    sys.exit(program.main([]))
