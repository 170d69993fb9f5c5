"""What happened lately, revision by revision, so that watches can resume. Bounded in events and in bytes.

Watches hold a cursor into this log and nothing else: one that falls behind costs no memory and is told
`Compacted`.
"""

from __future__ import annotations

from collections import deque

from broker.grid.grid import Changes, Compacted, Event, PutEvent

REVISIONS_AT_ONCE = 1000


class EventLog:
    """Starts after `revision`: nothing up to it can be read."""

    def __init__(self, revision: int, maximum_events: int, maximum_bytes: int) -> None:
        self.revision = revision
        self.compacted = revision
        self._maximum_events = maximum_events
        self._maximum_bytes = maximum_bytes
        self._events_by_revision: dict[int, tuple[Event, ...]] = {}
        self._order: deque[tuple[int, int, int]] = deque()  # revision, events, bytes
        self._events = 0
        self._bytes = 0

    def append(self, revision: int, events: tuple[Event, ...]) -> None:
        size = sum(len(event.item.value) for event in events if isinstance(event, PutEvent))
        self._events_by_revision[revision] = events
        self._order.append((revision, len(events), size))
        self._events += len(events)
        self._bytes += size
        self.revision = revision
        while self._order and (self._events > self._maximum_events or self._bytes > self._maximum_bytes):
            self._forget_oldest()

    def compact(self, revision: int) -> None:
        """Forget everything up to and including `revision`."""
        while self._order and self._order[0][0] <= revision:
            self._forget_oldest()

    def read(self, prefix: str, from_revision: int) -> Changes | None:
        """The next changes under `prefix`, maybe without events; None: nothing yet. Raises Compacted."""
        if from_revision <= self.compacted:
            raise Compacted(f"revision {from_revision}; the log starts after {self.compacted}")
        if from_revision > self.revision:
            return None
        last = min(self.revision, from_revision + REVISIONS_AT_ONCE - 1)
        return Changes(
            last,
            tuple(
                event
                for revision in range(from_revision, last + 1)
                for event in self._events_by_revision[revision]
                if _key(event).startswith(prefix)
            ),
        )

    def _forget_oldest(self) -> None:
        revision, events, size = self._order.popleft()
        del self._events_by_revision[revision]
        self._events -= events
        self._bytes -= size
        self.compacted = revision


def _key(event: Event) -> str:
    return event.item.key if isinstance(event, PutEvent) else event.key
