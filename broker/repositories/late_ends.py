"""Sessions that were ended without their host's word: `site/ended/<host id>/<session id>`.

Their records are gone; the host may still run them, or start one by an order that it got before it was cut off. The
record says so to whichever broker the host comes back to: that one orders the end. It goes when the host says that
the session has ended, comes back without it, or is removed itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from broker.grid.scopes import SealedOperation, Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.model.session import Session

AT_ONCE = 100


class LateEnds:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def is_ended(self, host_id: str, session_id: str) -> bool:
        return self._snapshot.get("site", late_end_path(host_id, session_id)) is not None

    def of_host(self, host_id: str) -> set[str]:
        return {record.path[2] for record in self._snapshot.list("site", "ended", host_id)}

    def hosts(self) -> set[str]:
        return {record.path[1] for record in self._snapshot.list("site", "ended")}

    def put(self, session: Session, code: str) -> SealedOperation:
        """To be committed with the deletion of the session."""
        value = {"tenant": session.tenant_id, "code": code, "time": self._stores.clock.now()}
        return self._stores.site.put(late_end_path(session.host_id, session.id), value)

    async def forget(self, host_id: str, session_ids: Sequence[str]) -> None:
        """Raises Unavailable, GridError."""
        for start in range(0, len(session_ids), AT_ONCE):
            batch = session_ids[start : start + AT_ONCE]
            deletes = [self._stores.site.delete(late_end_path(host_id, session_id)) for session_id in batch]
            result = await commit(self._stores, *deletes)
            await self._snapshot.until(result.revision)


def late_end_path(host_id: str, session_id: str) -> tuple[str, ...]:
    return ("ended", host_id, session_id)
