"""API tokens: what a script presents instead of a browser's login. It has the role of its user."""

from __future__ import annotations

from collections.abc import Callable

from broker.repositories.api_tokens import ApiTokens
from broker.repositories.users import Users
from portcullis.clock import Clock
from portcullis.errors import Refused
from portcullis.ids import BearerSecret, new_secret, parse_secret
from portcullis.model.user import ApiToken, User

LIFETIME_SECONDS = 90 * 24 * 3600


def new_api_token(tenant_id: str, user_id: str, note: str, now: float) -> tuple[BearerSecret, ApiToken]:
    """The secret, to be shown once, and the record that is kept."""
    secret = new_secret("api", tenant_id)
    return secret, ApiToken(secret.hash, tenant_id, user_id, note, now, now + LIFETIME_SECONDS)


class ApiTokenCheck:
    """`is_void`: whether a token was revoked, although its record is still there."""

    def __init__(
        self,
        tokens: ApiTokens,
        users: Users,
        clock: Clock,
        is_void: Callable[[ApiToken], bool] = lambda _: False,
    ) -> None:
        self._tokens = tokens
        self._users = users
        self._clock = clock
        self._is_void = is_void

    def resolve(self, text: str) -> tuple[ApiToken, User]:
        """The token and whom it acts for.

        Raises Refused("token_refused") for one that is malformed, unknown, expired or revoked, and when its
        user is disabled: the caller learns no difference.
        """
        secret = parse_secret(text, "api")
        token = secret and self._tokens.get(secret.scope, secret.hash)
        if not token or token.expires <= self._clock.now() or self._is_void(token):
            raise Refused("token_refused")
        user = self._users.get(token.tenant_id, token.user_id)
        if user is None or user.disabled:
            raise Refused("token_refused")
        return token, user
