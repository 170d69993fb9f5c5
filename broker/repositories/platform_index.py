"""Who is a platform administrator, kept up with the snapshot: to ask costs no walk of all users."""

from __future__ import annotations

from collections.abc import Iterator

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot

_MARK = b'"platform":true'
"""What the record of a platform administrator holds: most users need not be parsed."""


class PlatformIndex:
    def __init__(self, snapshot: Snapshot) -> None:
        self._users: set[tuple[str, str]] = set()
        for tenant in snapshot.tenants():
            for record in snapshot.list(tenant.path[1], "user"):
                self._note(record.scope, record.path[1], record)
        snapshot.subscribe(self._changed)

    def __len__(self) -> int:
        return len(self._users)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each one's tenant and user id."""
        return iter(self._users)

    def _changed(self, change: Change) -> None:
        if change.path[0] == "user":
            self._note(change.scope, change.path[1], change.record)

    def _note(self, scope: str, user_id: str, record: Record | None) -> None:
        if record and _MARK in record.plain and record.value.get("platform") is True:
            self._users.add((scope, user_id))
        else:
            self._users.discard((scope, user_id))
