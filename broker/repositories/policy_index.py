"""What policies say about whom, kept up with the snapshot: a launch works out nothing that was worked out before."""

from __future__ import annotations

from collections.abc import Mapping

from broker.grid.keys import Path
from broker.repositories.group_index import GroupIndex
from broker.snapshot import Change, Snapshot
from portcullis.model.application import Application
from portcullis.model.group import group_key
from portcullis.model.policy import OF_TENANT, Effective, Level, LevelKind, Policy, defaults, effective
from portcullis.model.user import User

KEPT = 4096
"""Answers, of all tenants: most users share theirs with everybody in the same groups."""

_Levels = tuple[tuple[LevelKind, str, Path], ...]
_DEFAULTS: Mapping[str, Effective] = defaults()


def policy_path(level: LevelKind, object_id: str) -> Path:
    """`object_id`: `-` for the tenant, `group_key` of a group's name, the id of an application or user."""
    return ("policy", level, object_id)


class PolicyIndex:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._groups = snapshot.index(GroupIndex)
        self._answers: dict[tuple[str, _Levels], Mapping[str, Effective]] = {}
        snapshot.subscribe(self._changed)

    def groups(self, tenant_id: str, user: User) -> frozenset[str]:
        """That the user is in, groups that contain these counted."""
        return self._groups.effective(tenant_id, user.groups)

    def effective(
        self, tenant_id: str, user: User | None, application: Application | None
    ) -> Mapping[str, Effective]:
        """For this user and application; without one of them, as far as it goes. Read it, never change it."""
        if not self._snapshot.count(tenant_id, "policy"):
            return _DEFAULTS
        levels = self._levels(tenant_id, user, application)
        if not levels:
            return _DEFAULTS
        known = self._answers.get((tenant_id, levels))
        if known is None:
            if len(self._answers) >= KEPT:
                self._answers.clear()
            found = [Level(kind, name, self._policy(tenant_id, path)) for kind, name, path in levels]
            known = self._answers[tenant_id, levels] = effective(found)
        return known

    def _levels(self, tenant_id: str, user: User | None, application: Application | None) -> _Levels:
        """Those that have a policy."""
        named: list[tuple[LevelKind, str, Path]] = [("tenant", OF_TENANT, policy_path("tenant", OF_TENANT))]
        if user is not None and self._snapshot.count(tenant_id, "policy", "group"):
            groups = sorted(self.groups(tenant_id, user))
            named += [("group", name, policy_path("group", group_key(name))) for name in groups]
        if application is not None:
            named.append(("application", application.name, policy_path("application", application.id)))
        if user is not None:
            named.append(("user", user.name, policy_path("user", user.id)))
        return tuple(level for level in named if self._snapshot.get(tenant_id, level[2]) is not None)

    def _policy(self, tenant_id: str, path: Path) -> Policy:
        record = self._snapshot.get(tenant_id, path)
        return Policy() if record is None else Policy.from_json(record.value)

    def _changed(self, change: Change) -> None:
        if change.path[0] == "policy":
            self._answers.clear()
