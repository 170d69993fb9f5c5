"""Who may start what, both ways round: of an application its users, of a user or a group its applications.

One that is disabled is told all the same, as disabled: it is entitled and cannot start anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from broker.repositories.group_index import GroupIndex, MemberIndex
from broker.repositories.record_table import fold
from broker.repositories.users import Users
from broker.snapshot import Snapshot
from portcullis.model.application import Application
from portcullis.model.group import Group
from portcullis.model.user import User

PORTION = 2000
"""Names that are looked up before others are served."""


@dataclass(frozen=True, slots=True)
class Entitled:
    """One application and one user or group that it admits. `groups`: those of the application's that do it."""

    application: str
    name: str
    by_name: bool
    groups: tuple[str, ...]
    disabled: bool
    """Of whichever was asked for: the user, or the application."""

    def to_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "name": self.name,
            "by_name": self.by_name,
            "groups": list(self.groups),
            "disabled": self.disabled,
        }


class Entitlements:
    def __init__(self, users: Users, snapshot: Snapshot) -> None:
        self._users = users
        self._snapshot = snapshot
        self._groups = snapshot.index(GroupIndex)
        self._members = snapshot.index(MemberIndex)

    def of_user(self, tenant_id: str, user: User) -> list[Entitled]:
        """The applications that admit the user, by name."""
        return self._of(tenant_id, user.name, self._groups.effective(tenant_id, user.groups), user.name)

    def of_group(self, tenant_id: str, name: str) -> list[Entitled]:
        """The applications that admit whoever is in the group, by name."""
        return self._of(tenant_id, name, self._groups.effective(tenant_id, frozenset({name})), None)

    async def of_application(
        self, tenant_id: str, application: Application, search: str, offset: int, limit: int
    ) -> tuple[list[Entitled], int]:
        """A page of the users who are admitted, by name, and how many there are in all."""
        needle = fold(search)
        names = await self._names(tenant_id, self._admitted(tenant_id, application))
        found = [each for each in names if not needle or needle in fold(each[1])]
        page = (
            self._snapshot.get(tenant_id, ("user", user_id))
            for _, _, user_id in found[offset : offset + limit]
        )
        users = (User.from_json(record.value) for record in page if record is not None)
        return [self._entitled(tenant_id, application, user) for user in users], len(found)

    def _of(self, tenant_id: str, name: str, groups: frozenset[str], user_name: str | None) -> list[Entitled]:
        records = self._snapshot.list(tenant_id, "application")
        applications = (Application.from_json(record.value) for record in records)
        found = [
            Entitled(
                application.name,
                name,
                user_name in application.entitlement.users,
                tuple(sorted(groups & application.entitlement.groups)),
                application.disabled,
            )
            for application in applications
            if application.entitlement.admits(user_name or "", groups)
        ]
        return sorted(found, key=lambda each: each.application.casefold())

    def _entitled(self, tenant_id: str, application: Application, user: User) -> Entitled:
        entitlement = application.entitlement
        groups = self._groups.effective(tenant_id, user.groups) & entitlement.groups
        return Entitled(
            application.name, user.name, user.name in entitlement.users, tuple(sorted(groups)), user.disabled
        )

    def _admitted(self, tenant_id: str, application: Application) -> set[str]:
        """Ids of users."""
        entitlement = application.entitlement
        groups = with_inner(entitlement.groups, {each.name: each for each in self._groups.list(tenant_id)})
        found = {user_id for name in groups for user_id in self._members.of_group(tenant_id, name)}
        named = (self._users.by_name(tenant_id, name) for name in entitlement.users)
        return found | {user.id for user in named if user is not None and user.name in entitlement.users}

    async def _names(self, tenant_id: str, user_ids: Iterable[str]) -> list[tuple[str, str, str]]:
        """In order: what they are ordered by, the name, the id."""
        names: list[tuple[str, str, str]] = []
        for count, user_id in enumerate(user_ids):
            if count % PORTION == PORTION - 1:
                await asyncio.sleep(0)
            record = self._snapshot.get(tenant_id, ("user", user_id))
            if record is not None:
                name = record.value["name"]
                names.append((name.casefold(), name, user_id))
        return sorted(names)


def with_inner(names: Iterable[str], groups: Mapping[str, Group]) -> set[str]:
    """These groups and all that are inside one of them, however deep. Ends where groups contain each other, too."""
    reached = set(names)
    ahead = list(reached)
    while ahead:
        group = groups.get(ahead.pop())
        for inner in (group.groups if group else frozenset()) - reached:
            reached.add(inner)
            ahead.append(inner)
    return reached
