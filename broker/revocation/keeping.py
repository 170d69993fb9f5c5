"""What of a broker's journal of revocations is kept when it grows: what a restore of a backup that anybody still has
needs. Pure: lines in, lines out.

Of the last `KEPT_SECONDS` everything that a restore replays; of one user only the last word on being disabled. What is
older stands in every backup that is younger, and what ends connections alone is void after a restore in any case. The
first line of what was cut says from when on it is whole (`kept_since`): a restore of an older backup is refused by it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from broker.backup.journal import KEPT_SINCE

KEPT_SECONDS = 400 * 24 * 3600.0
_OF_THE_MOMENT = frozenset({"login", "user", "session"})
_LAST_COUNTS = frozenset({"user_disabled", "user_enabled"})


def keep(text: bytes, now: float) -> bytes:
    """The journal, cut. Raises ValueError where it is damaged: what is not understood is not thrown away."""
    lines = [line for line in text.split(b"\n") if line.strip(b" \t\r\0")]
    try:
        entries = [(line, json.loads(line)) for line in lines]
        oldest = now - KEPT_SECONDS
        since = max([oldest, *(float(entry["time"]) for _, entry in entries if entry["kind"] == KEPT_SINCE)])
        is_cut = any(float(entry["time"]) < oldest for _, entry in entries)
        is_cut |= any(entry["kind"] == KEPT_SINCE for _, entry in entries)
        needed = _needed(entries, oldest)
    except (KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError("a line is no entry") from exc
    head = [json.dumps({"time": since, "kind": KEPT_SINCE}, separators=(",", ":")).encode()] if is_cut else []
    return b"".join(line + b"\n" for line in [*head, *needed])


def _needed(entries: Sequence[tuple[bytes, dict[str, Any]]], oldest: float) -> list[bytes]:
    found: list[bytes] = []
    said: set[tuple[str, str]] = set()
    for line, entry in reversed(entries):
        kind, time = str(entry["kind"]), float(entry["time"])
        if time < oldest or kind in _OF_THE_MOMENT or kind == KEPT_SINCE:
            continue
        if kind in _LAST_COUNTS:
            user = (str(entry.get("tenant", "")), str(entry.get("id", "")))
            if user in said:
                continue
            said.add(user)
        found.append(line)
    return found[::-1]
