"""Logins: authenticated visits of browsers. Opaque to the browser, bound to the key that it made at
sign-in.
"""

from __future__ import annotations

from collections.abc import Callable

from broker.repositories.logins import LoginRecords
from broker.repositories.users import Users
from portcullis.clock import Clock
from portcullis.ids import BearerSecret, new_secret, parse_secret
from portcullis.model.user import Login, User

LIFETIME_SECONDS = 12 * 3600


Verdict = Callable[[Login], bool]


def new_login(
    tenant_id: str, user_id: str, client_key: bytes, now: float, epoch: int = 1
) -> tuple[BearerSecret, Login]:
    """The cookie's secret and the record that is kept. An id that a browser brings along is never adopted."""
    secret = new_secret("login", tenant_id)
    return secret, Login(secret.hash, tenant_id, user_id, client_key, now, now + LIFETIME_SECONDS, epoch)


class Logins:
    """`is_void`: whether a login was revoked, although its record is still there."""

    def __init__(
        self, records: LoginRecords, users: Users, clock: Clock, is_void: Verdict = lambda _: False
    ) -> None:
        self._records = records
        self._users = users
        self._clock = clock
        self._is_void = is_void

    def resolve(self, cookie: str) -> tuple[Login, User] | None:
        """Whose visit the cookie stands for; None when it is malformed, unknown, over, or its user is
        disabled or has to enrol anew.
        """
        secret = parse_secret(cookie, "login")
        login = self._records.get(secret.scope, secret.hash) if secret else None
        if login is None or login.expires <= self._clock.now() or self._is_void(login):
            return None
        user = self._users.get(login.tenant_id, login.user_id)
        if user is None or user.disabled or not user.enrolled:
            return None
        return login, user

    async def end(self, login: Login) -> int:
        """Sign out: the cookie and the key are worth nothing any more. Answers with the grid's revision."""
        return await self._records.delete(login)
