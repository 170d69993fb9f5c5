"""Signing in: password, then factor, then one transaction that makes the login.

What a stranger may learn: nothing. A wrong password, an unknown user or organisation, a disabled account, a
wrong or used code all give the same refusal after the same work, and the same lockout. That a code is
wanted is said only after a right password. The accepted TOTP step, the failure count, the nonce of the
request and the login are written in one transaction that compares the account's attempts and the user: of
two brokers that see the same code, one wins.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from broker.grid.grid import GridUnavailable, LeaseGone
from broker.grid.scopes import Condition, SealedOperation, Stores
from broker.identity import lockout, totp
from broker.identity.attempts import Claim, attempts_of, claim, forgive
from broker.identity.logins import LIFETIME_SECONDS, new_login
from broker.identity.passwords import Passwords, Verdict
from broker.repositories.attempts import AttemptLedger, AttemptRecords
from broker.repositories.committing import commit
from broker.repositories.logins import LoginRecords, login_creation
from broker.repositories.nonces import Nonces
from broker.repositories.tenants import Tenants
from broker.repositories.users import Users
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.ids import BearerSecret
from portcullis.logs import ids
from portcullis.model.tenant import Tenant
from portcullis.model.user import Login, User

log = logging.getLogger(__name__)

_TRIES = 20


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a browser presents. `nonce` is that of the request's signature, which `client_key` made."""

    organisation: str | None
    username: str
    password: str = field(repr=False)
    code: str | None = field(repr=False)
    client_key: bytes = field(repr=False)
    nonce: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    tenant: Tenant
    user: User
    login: Login
    secret: BearerSecret
    revision: int


class FactorRequired:
    """The password is right; the code is missing."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where accounts and their records are."""

    tenants: Tenants
    users: Users
    attempts: AttemptRecords
    logins: LoginRecords
    nonces: Nonces


class Authenticator:
    def __init__(
        self, stores: Stores, snapshot: Snapshot, directory: Directory, passwords: Passwords, clock: Clock
    ) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._directory = directory
        self._passwords = passwords
        self._clock = clock

    async def sign_in(self, request: SignIn) -> SignedIn | FactorRequired:
        """Raises Refused: sign_in_refused, sign_in_blocked (`retry_after_seconds`); Unavailable."""
        tenant = self._tenant(request.organisation)
        user = self._directory.users.by_name(tenant.id, request.username) if tenant else None
        with self._passwords.reserved():
            guess = await claim(await self._ledger(tenant, user, request), self._clock)
            verdict = await self._passwords.verify(request.password, user.password_hash if user else None)
        if tenant is None or user is None or not verdict.correct or user.disabled:
            raise _refused(guess, tenant, user, "password")
        if request.code is None:
            await forgive(guess)
            return FactorRequired()
        return await self._complete(tenant, user, request, request.code, guess, verdict)

    def _tenant(self, organisation: str | None) -> Tenant | None:
        """A site of one tenant needs no name; where there are more, none is guessed."""
        if organisation is not None:
            return self._directory.tenants.by_name(organisation)
        tenants = self._directory.tenants.list()
        return tenants[0] if len(tenants) == 1 else None

    async def _ledger(self, tenant: Tenant | None, user: User | None, request: SignIn) -> AttemptLedger:
        if tenant and user:
            return await self._directory.attempts.of_user(tenant.id, user.id)
        organisation = tenant.name if tenant else request.organisation or ""
        return self._directory.attempts.of_stranger(organisation, request.username)

    async def _complete(
        self, tenant: Tenant, user: User, request: SignIn, code: str, guess: Claim, verdict: Verdict
    ) -> SignedIn:
        new_hash = await self._passwords.hash(request.password) if verdict.outdated else None
        for _ in range(_TRIES):
            record = await guess.ledger.read()
            attempts = attempts_of(record)
            step = user.totp_secret and totp.accepted_step(
                user.totp_secret, code, self._clock.now(), attempts.last_step
            )
            if not step:
                raise _refused(guess, tenant, user, "code")
            after = lockout.accepted(attempts, step)
            signed_in = await self._commit_login(
                tenant, user, request, await guess.ledger.replacing(record, after.to_json()), new_hash
            )
            if signed_in:
                return signed_in
            user = self._still_there(tenant, user, guess)
        raise Unavailable()

    def _still_there(self, tenant: Tenant, before: User, guess: Claim) -> User:
        """The user as it is now. A password that changed meanwhile was not the one that was verified."""
        user = self._directory.users.get(tenant.id, before.id)
        if user is None or user.disabled or user.password_hash != before.password_hash:
            raise _refused(guess, tenant, before, "password")
        return user

    async def _commit_login(
        self,
        tenant: Tenant,
        user: User,
        request: SignIn,
        attempt: tuple[SealedOperation, Condition],
        new_hash: str | None,
    ) -> SignedIn | None:
        """None when somebody else was quicker: look again."""
        store = await self._stores.tenant(tenant.id)
        user_record = self._directory.users.record(tenant.id, user.id)
        if user_record is None:
            return None
        secret, login = new_login(tenant.id, user.id, request.client_key, self._clock.now())
        nonce = await self._directory.nonces.first_use(store, request.client_key, request.nonce)
        try:
            lease = await self._stores.grid.lease(LIFETIME_SECONDS)
        except GridUnavailable as exc:
            raise Unavailable() from exc
        operations = [attempt[0], nonce[0], login_creation(store, login, lease.id)]
        if new_hash:
            renewed = replace(user, password_hash=new_hash)
            operations.append(store.put(user_record.path, renewed.to_json(), author="rehash"))
        conditions = [attempt[1], nonce[1], store.unchanged(user_record)]
        try:
            result = await commit(self._stores, *operations, conditions=conditions)
        except LeaseGone:
            self._directory.nonces.forget_lease()
            return None
        await self._snapshot.until(result.revision)
        if not result.succeeded and await store.get(("login", login.hash)) is None:
            await self._stores.grid.revoke(lease.id)
            if await self._directory.nonces.seen(store, request.client_key, request.nonce):
                raise Refused("signature_refused")
            return None
        return SignedIn(tenant, user, login, secret, result.revision)


def _refused(guess: Claim, tenant: Tenant | None, user: User | None, what: str) -> Refused:
    """One answer for every reason; which it was stands in the log alone."""
    log.warning(
        "sign-in refused: wrong %s",
        what,
        extra=ids(
            tenant=tenant.id if tenant else None,
            user=user.id if user else None,
            failures=guess.counted.failures,
        ),
    )
    return Refused("sign_in_refused")
