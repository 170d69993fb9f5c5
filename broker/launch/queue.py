"""The line in front of a host that starts as many sessions as it may. Pure.

A host says how many sessions it starts at once. Those that it has accepted, and that have no window yet, are on their
way; of those that it has not accepted, the oldest fill what is left of the limit and are ordered. The others wait:
their orders are withheld. Every broker works the same line out of its snapshot, so any of them can tell the position,
and a broker that takes over orders nothing twice and nothing too early.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def positions(unaccepted: Sequence[str], starting: int, limit: int) -> Mapping[str, int]:
    """Of each session that waits, counted from 1 (it is the next). `unaccepted`: oldest first."""
    ordered = max(0, limit - starting)
    return {session_id: position for position, session_id in enumerate(unaccepted[ordered:], 1)}


def position_of_next(on_their_way: int, limit: int) -> int | None:
    """Where a session would stand that joins now; None when it need not wait."""
    return None if on_their_way < limit else on_their_way - limit + 1


def in_line(position: int) -> str:
    """`1st in line`."""
    ending = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{ending} in line"
