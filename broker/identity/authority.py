"""What a user may do, as the snapshot has it now: by their role, as a platform administrator, and by their token.

A site that was made before there were platform administrators has none: while nobody in the whole site is one, the
administrators of its only tenant count as such.
"""

from __future__ import annotations

from broker.repositories.platform_index import PlatformIndex
from broker.repositories.roles import Roles
from broker.snapshot import Snapshot
from portcullis.model.roles import effective
from portcullis.model.user import ApiToken, User


class Authority:
    def __init__(self, snapshot: Snapshot, roles: Roles) -> None:
        self._snapshot = snapshot
        self._roles = roles

    def permissions(self, tenant_id: str, user: User, token: ApiToken | None = None) -> frozenset[str]:
        role = self._roles.permissions(tenant_id, user.role)
        limit, enrols = (token.permissions, token.enrols) if token else (None, True)
        return effective(role, platform=self.is_platform(user), token=limit, enrols=enrols)

    def is_platform(self, user: User) -> bool:
        if user.platform or user.role != "administrator":
            return user.platform
        return not self._snapshot.index(PlatformIndex) and len(self._snapshot.tenants()) == 1
