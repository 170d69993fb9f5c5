"""What a host is ordered, encoded, and kept with the revision of the record that it was made from.

A channel looks at all sessions of its host whenever one of them changes: only the records that changed since are read.
Texts are kept: objects of 100,000 sessions would be walked through by each collection of garbage.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from broker.grid.scopes import Record
from broker.repositories.sessions import session_of
from portcullis.protocol.orders import Order, encode_order


class KeptOrders:
    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, str]] = {}

    def due(self, sessions: Iterable[Record], waiting: Set[str]) -> tuple[str, ...]:
        """For each of the host's sessions, in their order, but those that wait in line."""
        kept, self._kept = self._kept, {}
        for record in sessions:
            session_id = record.path[1]
            if session_id not in waiting:
                known = kept.get(session_id)
                if known is None or known[0] != record.mod_revision:
                    known = record.mod_revision, encode_order(Order.of(session_of(record)))
                self._kept[session_id] = known
        return tuple(order for _, order in self._kept.values())
