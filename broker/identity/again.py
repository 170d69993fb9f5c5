"""Proving the second factor again, while signed in: for a launch whose policy asks for a code that was given lately.

A wrong code counts like one at sign-in, in the same ledger: who has found an open browser may not guess. The accepted
step or the spent recovery code and the time, which stands in the login's record, are written in one transaction.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from broker.grid.scopes import Condition, SealedOperation, Stores
from broker.identity.attempts import attempts_of, claim
from broker.identity.authenticate import Directory
from broker.identity.factor import Proof, examine
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.logs import ids
from portcullis.model.user import Login, User

log = logging.getLogger(__name__)

_TRIES = 20


class FactorAgain:
    def __init__(self, stores: Stores, snapshot: Snapshot, directory: Directory, clock: Clock) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._directory = directory
        self._clock = clock

    async def prove(self, login: Login, code: str) -> tuple[Login, int]:
        """The login as it is now, and the grid's revision.

        Raises Refused: factor_refused, factor_off, sign_in_blocked (`retry_after_seconds`), signed_out; Unavailable.
        """
        ledger = await self._directory.attempts.of_user(login.tenant_id, login.user_id)
        await claim(ledger, self._clock)
        store = await self._stores.tenant(login.tenant_id)
        async with ledger.turn:
            for _ in range(_TRIES):
                user = self._user(login)
                attempts = await ledger.read()
                found = await examine(store, user, code, attempts_of(attempts), self._clock.now())
                if isinstance(found, Proof):
                    operation, unchanged = await ledger.replacing(attempts, found.attempts.to_json())
                    proven = await self._commit(login, found, operation, unchanged)
                    if proven is not None:
                        return proven
                elif found.attempts is None or await ledger.replace(attempts, found.attempts.to_json()):
                    log.warning("wrong code while signed in", extra=ids(tenant=login.tenant_id, user=user.id))
                    raise Refused("factor_refused")
        raise Unavailable()

    def _user(self, login: Login) -> User:
        user = self._directory.users.get(login.tenant_id, login.user_id)
        if user is None or user.disabled or not user.enrolled:
            raise Refused("signed_out")
        return user

    async def _commit(
        self, login: Login, found: Proof, operation: SealedOperation, unchanged: Condition
    ) -> tuple[Login, int] | None:
        """None when somebody else was quicker: look again."""
        record = self._snapshot.get(login.tenant_id, ("login", login.hash))
        if record is None:
            raise Refused("signed_out")
        store = await self._stores.tenant(login.tenant_id)
        proven = replace(Login.from_json(record.value), factor_time=self._clock.now())
        put = store.put(record.path, proven.to_json(), lease=record.lease)
        result = await commit(
            self._stores,
            *(operation, put, *found.operations),
            conditions=[unchanged, store.unchanged(record), *found.conditions],
        )
        await self._snapshot.until(result.revision)
        now = await store.get(record.path)
        if result.succeeded or (now is not None and now.value == proven.to_json()):
            return proven, result.revision
        return None
