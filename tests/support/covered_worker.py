"""The worker with a screen that a test covers: `python -m tests.support.covered_worker FILE`.

No lock of Windows can be had here. FILE holds why the screen cannot be seen.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from agents.linux import desktop
from agents.worker import __main__ as program

LOOK_SECONDS = 0.02
FILE = Path(sys.argv[1])


class CoveredDesktop(desktop.XDesktop):
    def __init__(self, x, framebuffer, prepare, listener, clock) -> None:  # type: ignore[no-untyped-def]
        super().__init__(x, framebuffer, prepare, listener, clock)
        self._listener = listener
        self._covered = FILE.read_text()
        self._look()

    @property
    def covered(self) -> str:
        return self._covered

    def _look(self) -> None:
        now = FILE.read_text()
        if now != self._covered:
            self._covered = now
            self._listener.covered_changed()
        asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)


if __name__ == "__main__":
    desktop.XDesktop = CoveredDesktop  # type: ignore[misc]
    sys.exit(program.main([]))
