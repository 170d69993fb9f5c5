"""How often what happened in the last day, by quarters of an hour: counted as it happens, for the first screen.

By the store that took an event first: of several brokers each has counts of its own and of those that it has copies
of, and whoever adds them up must count nothing twice.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from broker.audit.event import Event

if TYPE_CHECKING:
    from broker.audit.store import Store

BUCKET_SECONDS = 900
BUCKETS = 96
COUNTED = frozenset({"sign_in", "sign_in_refused", "launch", "launch_refused", "launch_failed"})

Key = tuple[str | None, int, str, str]
"""Tenant, bucket, type, code."""


class Tally:
    def __init__(self) -> None:
        self._counts: dict[str, Counter[Key]] = {}
        self._oldest = 0

    def fill(self, store: Store, now: float) -> None:
        """Begin with what the file holds. Blocks."""
        counts: dict[str, Counter[Key]] = {}
        since = (bucket_of(now) - BUCKETS + 1) * BUCKET_SECONDS
        for origin, tenant, bucket, kind, code, number in store.counts(since, BUCKET_SECONDS):
            if kind in COUNTED:
                counts.setdefault(origin, Counter())[tenant, bucket, kind, code] += number
        self._counts = counts

    def add(self, origin: str, event: Event) -> None:
        if event.type not in COUNTED:
            return
        bucket = bucket_of(event.time)
        self._forget(bucket)
        self._counts.setdefault(origin, Counter())[event.tenant, bucket, event.type, event.code] += 1

    def of_stores(self) -> dict[str, Counter[Key]]:
        return self._counts

    def _forget(self, bucket: int) -> None:
        if bucket <= self._oldest + BUCKETS:
            return
        self._oldest = bucket - BUCKETS
        for origin, counts in list(self._counts.items()):
            kept = Counter({key: number for key, number in counts.items() if key[1] > self._oldest})
            self._counts[origin] = kept


def bucket_of(time: float) -> int:
    return int(time // BUCKET_SECONDS)


def to_json(counts: dict[str, Counter[Key]]) -> dict[str, list[list[Any]]]:
    return {origin: [[*key, number] for key, number in each.items()] for origin, each in counts.items()}


def from_json(value: dict[str, Any]) -> dict[str, Counter[Key]]:
    """Raises ValueError, TypeError."""
    found: dict[str, Counter[Key]] = {}
    for origin, rows in value.items():
        counts: Counter[Key] = Counter()
        for tenant, bucket, kind, code, number in rows:
            counts[None if tenant is None else str(tenant), int(bucket), str(kind), str(code)] += int(number)
        found[str(origin)] = counts
    return found
