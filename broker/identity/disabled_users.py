"""Whoever is disabled, reset or removed is signed out: every broker that sees it deletes the logins of that user.

That ends them for good, also should the user be enabled again, and their connections are cut as after any signing
out. One task works through the users; it starts with all who are signed in, for a broker that was away meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from broker.grid.grid import GridError
from broker.grid.scopes import Record
from broker.repositories.logins import LoginRecords
from broker.repositories.users import Users
from broker.snapshot import Change, Snapshot
from portcullis.errors import Unavailable
from portcullis.logs import ids
from portcullis.model.user import User
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


class DisabledUsers:
    def __init__(self, snapshot: Snapshot, users: Users, logins: LoginRecords) -> None:
        self._snapshot = snapshot
        self._users = users
        self._logins = logins
        self._pending: dict[tuple[str, str], None] = {}  # (tenant, user), in order
        self._wake = asyncio.Event()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        for tenant_id, user_id in self._logins.users():
            if not _may_stay(self._users.record(tenant_id, user_id)):
                self._add(tenant_id, user_id)
        self._task = spawn(self._run(), name="logins of disabled users")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(self._task)

    def _changed(self, change: Change) -> None:
        if change.path[0] == "user" and not _may_stay(change.record):
            self._add(change.scope, change.path[1])

    def _add(self, tenant_id: str, user_id: str) -> None:
        self._pending[tenant_id, user_id] = None
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                tenant_id, user_id = next(iter(self._pending))
                try:
                    await self._sign_out(tenant_id, user_id)
                except (Unavailable, GridError) as exc:
                    log.warning("a disabled user is not signed out yet: %s", exc, extra=ids(user=user_id))
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    del self._pending[tenant_id, user_id]

    async def _sign_out(self, tenant_id: str, user_id: str) -> None:
        logins = self._logins.of_user(tenant_id, user_id)
        for login in logins:
            await self._logins.delete(login)
        if logins:
            log.info(
                "a disabled user is signed out",
                extra=ids(tenant=tenant_id, user=user_id, logins=len(logins)),
            )


def _may_stay(record: Record | None) -> bool:
    if record is None:
        return False
    user = User.from_json(record.value)
    return user.enrolled and not user.disabled
