"""How busy this machine is."""

from __future__ import annotations

import os
from pathlib import Path


def load() -> float:
    """Of one minute, divided by the number of cores."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def memory_available_bytes() -> int:
    return memory_available(Path("/proc/meminfo").read_text())


def memory_available(meminfo: str) -> int:
    """Bytes, from the text of /proc/meminfo; 0 when it does not say."""
    for line in meminfo.splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0
