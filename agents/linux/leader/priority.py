"""How a session that is prepared ahead of need stays out of the way of those that are in use.

Niceness alone says nothing between sessions: each of their processes has a session id of its own, and where the kernel
groups processes by that (autogroup), niceness only counts within the group. So the group's own is set as well.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from agents.linux.leader.processes import write

BACKGROUND = 15
ORDINARY = 0


def set_priority(pids: Iterable[int], niceness: int) -> None:
    """Of all threads. Only root may raise a priority again, so without root it is left alone."""
    if os.geteuid() != 0:
        return
    for pid in pids:
        write(f"/proc/{pid}/autogroup", str(niceness))
        with contextlib.suppress(OSError):  # it has ended, or a thread of it
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), niceness)
