"""Whom a tenant and the site cannot do without: the last administrator who can sign in, the last platform one.

The transaction that takes one away depends on another one as they are, so that two who take each other away do not
both succeed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from broker.grid.scopes import Condition, Record, Stores
from broker.repositories.users import Users
from portcullis.errors import Refused
from portcullis.model.user import User

Counts = Callable[[User], bool]


class Indispensable:
    def __init__(self, stores: Stores, users: Users) -> None:
        self._stores = stores
        self._users = users

    async def stay(self, tenant_id: str, user: User, after: User | None) -> list[Condition]:
        """That others are there where `user` becomes `after` (None: is deleted) and is one of those no more.

        Raises Refused: last_administrator, last_platform_administrator; Unavailable.
        """
        conditions = []
        if _lost(_is_administrator, user, after):
            same = self._users.records(tenant_id)
            conditions.append(await self._another(same, user, _is_administrator, "last_administrator"))
        if _lost(_is_platform, user, after):
            everywhere = self._users.platform_administrators()
            conditions.append(
                await self._another(everywhere, user, _is_platform, "last_platform_administrator")
            )
        return conditions

    async def _another(self, records: Iterable[Record], user: User, counts: Counts, code: str) -> Condition:
        for record in records:
            if record.path[1] != user.id and counts(User.from_json(record.value)):
                return (await self._stores.tenant(record.scope)).unchanged(record)
        raise Refused(code)


def _lost(counts: Counts, before: User, after: User | None) -> bool:
    return counts(before) and not (after is not None and counts(after))


def _is_administrator(user: User) -> bool:
    return user.role == "administrator" and user.enrolled and not user.disabled


def _is_platform(user: User) -> bool:
    return user.platform and user.enrolled and not user.disabled
