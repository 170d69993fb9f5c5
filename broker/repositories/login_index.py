"""Which logins a user has, kept up with the snapshot: signing a user out costs what he has, no walk of all."""

from __future__ import annotations

from collections.abc import Sequence

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot

User = tuple[str, str]
"""Tenant id and user id."""


class LoginIndex:
    def __init__(self, snapshot: Snapshot) -> None:
        self._of_user: dict[User, dict[str, Record]] = {}
        for tenant in snapshot.tenants():
            for record in snapshot.list(tenant.path[1], "login"):
                self._add(record)
        snapshot.subscribe(self._changed)

    def of_user(self, tenant_id: str, user_id: str) -> Sequence[Record]:
        return list(self._of_user.get((tenant_id, user_id), {}).values())

    def users(self) -> Sequence[User]:
        """All who have a login."""
        return list(self._of_user)

    def _changed(self, change: Change) -> None:
        if change.path[0] == "login":
            if change.previous is not None:
                self._remove(change.previous)
            if change.record is not None:
                self._add(change.record)

    def _add(self, record: Record) -> None:
        self._of_user.setdefault(_user(record), {})[record.path[1]] = record

    def _remove(self, record: Record) -> None:
        user = _user(record)
        logins = self._of_user.get(user, {})
        logins.pop(record.path[1], None)
        if not logins:
            self._of_user.pop(user, None)


def _user(record: Record) -> User:
    return record.scope, record.value["user_id"]
