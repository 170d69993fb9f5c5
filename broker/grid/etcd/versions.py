"""Which etcd servers are refused, and which an operator is warned of. Pure.

The reasons are etcd's own: its changelog and its list of data inconsistency issues.
"""

from __future__ import annotations

import re

Version = tuple[int, int, int]

RECOMMENDED = "3.6.9, or newer"


def parse_version(text: str) -> Version | None:
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def refusal(version: Version) -> str | None:
    """Why data on this server would not be safe."""
    if version < (3, 4, 22):
        return "before 3.4.22 etcd may lose acknowledged writes"
    if (3, 5, 0) <= version <= (3, 5, 5):
        return "3.5.0 to 3.5.5 may silently diverge between members or lose acknowledged writes"
    return None


_STALE = "it may answer stale reads after a member was paused, and has holes in its access control"


def warning(version: Version) -> str | None:
    if version < (3, 5, 0):
        return "3.4 is past its end of life, and may answer stale reads after a member was paused"
    if version < (3, 5, 28):
        return f"before 3.5.28 {_STALE}"
    if (3, 6, 0) <= version < (3, 6, 9):
        return f"before 3.6.9 {_STALE}"
    return None


def orders_progress(version: Version) -> bool:
    """Whether an answer to a progress request comes after the events before it; earlier ones may overtake them."""
    return version >= (3, 5, 8) or (3, 4, 25) <= version < (3, 5, 0)
