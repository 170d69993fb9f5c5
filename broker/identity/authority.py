"""What a user may do, as the snapshot has it now: by their role, as a platform administrator, and by their token.

A site that was made before there were platform administrators has none: while nobody in the whole site is one, the
administrators of its only tenant count as such.
"""

from __future__ import annotations

from collections.abc import Iterator

from broker.grid.scopes import Record
from broker.repositories.roles import Roles
from broker.snapshot import Change, Snapshot
from portcullis.model.roles import effective
from portcullis.model.user import ApiToken, User

_MARK = b'"platform":true'
"""What the record of a platform administrator holds: most users need not be parsed."""


class Authority:
    def __init__(self, snapshot: Snapshot, roles: Roles) -> None:
        self._snapshot = snapshot
        self._roles = roles

    def permissions(self, tenant_id: str, user: User, token: ApiToken | None = None) -> frozenset[str]:
        role = self._roles.permissions(tenant_id, user.role)
        limit = token.permissions if token else None
        return effective(role, platform=self.is_platform(user), token=limit)

    def is_platform(self, user: User) -> bool:
        if user.platform or user.role != "administrator":
            return user.platform
        return not self._snapshot.index(PlatformIndex) and len(self._snapshot.tenants()) == 1


class PlatformIndex:
    """Who is a platform administrator, kept up with the snapshot: whether anybody is costs no walk of all users."""

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
