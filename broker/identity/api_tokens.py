"""API tokens: what a script presents instead of a browser's login. It may do what its user may, or less."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from broker.repositories.api_tokens import ApiTokens
from broker.repositories.users import Users
from portcullis.clock import Clock
from portcullis.errors import Refused
from portcullis.ids import BearerSecret, new_secret, parse_secret
from portcullis.logs import ids
from portcullis.model.user import ApiToken, User

log = logging.getLogger(__name__)

LIFETIME_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a token: what it may do at most, from where, for how long."""

    permissions: frozenset[str] | None = None
    networks: tuple[str, ...] = ()
    seconds: float = LIFETIME_SECONDS
    enrols: bool = True


_NO_LIMITS = Limits()


def new_api_token(
    tenant_id: str, user_id: str, note: str, now: float, limits: Limits = _NO_LIMITS
) -> tuple[BearerSecret, ApiToken]:
    """The secret, to be shown once, and the record that is kept."""
    secret = new_secret("api", tenant_id)
    is_limited = limits.permissions is not None or bool(limits.networks)
    token = ApiToken(
        limited_hash(secret.hash) if is_limited else secret.hash,
        tenant_id,
        user_id,
        note,
        now,
        now + limits.seconds,
        limits.permissions,
        limits.networks,
        limits.enrols,
    )
    return secret, token


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

    def resolve(self, text: str, client_address: str | None = None) -> tuple[ApiToken, User]:
        """The token and whom it acts for.

        Raises Refused("token_refused") for one that is malformed, unknown, expired or revoked, that comes from a
        network that it does not name, and when its user is disabled: the caller learns no difference.
        """
        secret = parse_secret(text, "api")
        token = secret and self._find(secret)
        if not token or token.expires <= self._clock.now() or self._is_void(token):
            raise Refused("token_refused")
        if token.networks and not is_within(client_address, token.networks):
            log.warning(
                "an API token came from a network that is not its own",
                extra=ids(token=token.id, client=client_address),
            )
            raise Refused("token_refused")
        user = self._users.get(token.tenant_id, token.user_id)
        if user is None or user.disabled:
            raise Refused("token_refused")
        return token, user

    def _find(self, secret: BearerSecret) -> ApiToken | None:
        plain = self._tokens.get(secret.scope, secret.hash)
        return plain or self._tokens.get(secret.scope, limited_hash(secret.hash))


def limited_hash(token_hash: str) -> str:
    """What names the record of a token with limits. A broker of a version that knows no limits, and would let it do
    all that its user may, does not find it.
    """
    return hashlib.sha256(b"limited " + token_hash.encode()).hexdigest()


def is_within(address: str | None, networks: Iterable[str]) -> bool:
    """An IPv4 address may be written as IPv6 (`::ffff:192.0.2.1`). What is no address is nowhere."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(network) for network in networks)
