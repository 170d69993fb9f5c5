"""Who waits in line on which host, now: the pure rule of `queue` over the snapshot."""

from __future__ import annotations

from collections.abc import Mapping

from broker.launch.queue import positions
from broker.repositories.session_index import SessionIndex
from broker.snapshot import Snapshot
from portcullis.model.host import DEFAULT_STARTING_LIMIT


class WaitingLines:
    def __init__(self, snapshot: Snapshot, index: SessionIndex) -> None:
        self._snapshot = snapshot
        self._index = index
        self._worked_out: dict[str, tuple[object, Mapping[str, int]]] = {}

    def of_host(self, host_id: str) -> Mapping[str, int]:
        """The position of each session that waits there, 1 being the next. Nobody waits for a host that is gone."""
        record = self._snapshot.get("site", ("host", host_id))
        unaccepted = self._index.unaccepted(host_id)
        if record is None or not unaccepted:
            self._worked_out.pop(host_id, None)
            return {}
        limit = int(record.value.get("starting_limit", DEFAULT_STARTING_LIMIT))
        basis = (unaccepted, self._index.starting(host_id), limit)
        known = self._worked_out.get(host_id)
        if known is None or known[0] != basis:
            known = self._worked_out[host_id] = (basis, positions(*basis))
        return known[1]

    def position(self, host_id: str, session_id: str) -> int | None:
        """None when it does not wait."""
        return self.of_host(host_id).get(session_id)
