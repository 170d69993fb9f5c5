"""Accounts that probes sign in with: users whose password nobody knows but the brokers.

Password and factor are made here and kept at `t/<tid>/probe-account/<user id>`, sealed with the tenant's key. They
count for as long as they are the user's: an account that was reset, or enrolled by somebody, is a person's, and no
probe ever signs in by a person's password.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field, replace

from broker.grid.scopes import Stores
from broker.identity import totp
from broker.identity.attempts import attempts_of
from broker.identity.passwords import Passwords
from broker.repositories.attempts import AttemptRecords
from broker.repositories.committing import commit
from broker.repositories.users import user_creation
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import Refused
from portcullis.model.user import User

KIND = "probe-account"
PASSWORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in takes. The code is good once, within its half minute."""

    password: str = field(repr=False)
    code: str = field(repr=False)
    step: int


class ProbeAccounts:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        attempts: AttemptRecords,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._attempts = attempts
        self._passwords = passwords
        self._clock = clock
        self._spent: dict[str, int] = {}
        """By user, the step whose code was handed out last."""

    async def make(self, tenant_id: str, user: User, author: str) -> tuple[User, int]:
        """Create the user, enrolled. Answers with the grid's revision as well. Raises Refused("already_exists")."""
        password, secret = secrets.token_urlsafe(PASSWORD_BYTES), totp.new_secret()
        made = replace(user, password_hash=await self._passwords.hash(password), totp_secret=secret)
        store = await self._stores.tenant(tenant_id)
        operations, conditions = user_creation(store, made, author)
        put = store.put((KIND, made.id), {"password": password, "totp_secret": secret})
        result = await commit(self._stores, *operations, put, conditions=conditions)
        if not result.succeeded and await store.get(("user", made.id)) is None:
            raise Refused("already_exists", "There is a user of this name.")
        return made, result.revision

    def is_one(self, tenant_id: str, user: User) -> bool:
        return self._password(tenant_id, user) is not None

    async def credentials(self, tenant_id: str, user: User) -> Credentials | None:
        """None for a person's account, and while this half minute's code is used up. Raises GridError."""
        password = self._password(tenant_id, user)
        step = totp.step_at(self._clock.now())
        if password is None or step <= max(
            self._spent.get(user.id, 0), await self._last_step(tenant_id, user)
        ):
            return None
        self._spent[user.id] = step
        return Credentials(password, totp.code_at(user.totp_secret, step), step)

    async def is_spent(self, tenant_id: str, user: User, given: Credentials) -> bool:
        """Whether its code was accepted from somebody: of another broker's probe, if not from ours."""
        return await self._last_step(tenant_id, user) >= given.step

    def _password(self, tenant_id: str, user: User) -> str | None:
        record = self._snapshot.get(tenant_id, (KIND, user.id))
        if record is None or not user.enrolled:
            return None
        secret, password = str(record.value.get("totp_secret", "")), str(record.value.get("password", ""))
        return password if password and hmac.compare_digest(secret, user.totp_secret) else None

    async def _last_step(self, tenant_id: str, user: User) -> int:
        ledger = await self._attempts.of_user(tenant_id, user.id)
        return attempts_of(await ledger.read()).last_step
