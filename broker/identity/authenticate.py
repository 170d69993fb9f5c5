"""Signing in: password, then factor, then one transaction that makes the login.

What a stranger may learn: nothing. A wrong password, an unknown user or organisation, a disabled account, a
wrong or used code all give the same refusal after the same work, and the same lockout. That a code is
wanted, or that codes are switched off, is said only after a right password. The accepted TOTP step or the
spent recovery code, the failure count, the nonce of the request and the login are written in one transaction
that compares the account's attempts and the user: of two brokers that see the same code, one wins.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from broker.grid.grid import GridUnavailable, LeaseGone
from broker.grid.scopes import Record, Scope, SealedOperation, Stores
from broker.identity.attempts import Claim, attempts_of, claim, forgive
from broker.identity.factor import Proof, examine
from broker.identity.logins import LIFETIME_SECONDS, new_login
from broker.identity.passwords import Passwords
from broker.repositories.attempts import AttemptLedger, AttemptRecords
from broker.repositories.committing import commit
from broker.repositories.logins import LoginRecords, login_creation
from broker.repositories.nonces import Nonces
from broker.repositories.tenants import Tenants
from broker.repositories.users import Users
from broker.snapshot import Snapshot
from broker.tenants.rates import TenantRates
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
    at: Tenant | None = None
    """Whose page it is, where it was reached by a tenant's own host name: nobody else signs in there."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    tenant: Tenant
    user: User
    login: Login
    secret: BearerSecret
    revision: int
    recovery_codes_left: int | None = None
    """Where a recovery code took the place of the verification code."""
    failed_before: int = 0
    """How often in a row somebody failed to sign in, since this user did last."""


class FactorRequired:
    """The password is right; the code is missing."""


@dataclass(frozen=True, slots=True)
class _Proven:
    """A guess whose password is right."""

    tenant: Tenant
    user: User
    request: SignIn
    guess: Claim
    new_hash: str | None
    """To be stored, where the old one was made at lower cost."""


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
        self,
        stores: Stores,
        snapshot: Snapshot,
        directory: Directory,
        passwords: Passwords,
        clock: Clock,
        rates: TenantRates,
    ) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._directory = directory
        self._passwords = passwords
        self._clock = clock
        self._rates = rates

    async def sign_in(self, request: SignIn) -> SignedIn | FactorRequired:
        """Raises Refused: sign_in_refused, sign_in_blocked (`retry_after_seconds`), factor_off, tenant_suspended,
        logins_too_fast (`retry_after_seconds`); Unavailable.
        """
        tenant = self._tenant(request)
        user = self._directory.users.by_name(tenant.id, request.username) if tenant else None
        with self._passwords.reserved():
            guess = await claim(await self._ledger(tenant, user, request), self._clock)
            verdict = await self._passwords.verify(request.password, user.password_hash if user else None)
        if tenant is None or user is None or not verdict.correct or user.disabled:
            raise _refused(guess, tenant, user, "password")
        try:
            self._admit(tenant, request)
        except Refused:
            await forgive(guess)
            raise
        if request.code is None:
            await forgive(guess)
            return FactorRequired()
        new_hash = await self._passwords.hash(request.password) if verdict.outdated else None
        return await self._complete(_Proven(tenant, user, request, guess, new_hash), request.code)

    def _admit(self, tenant: Tenant, request: SignIn) -> None:
        """After a right password, so that strangers learn of no tenant. Raises Refused: tenant_suspended,
        logins_too_fast.
        """
        if not tenant.is_open:
            raise Refused("tenant_suspended")
        if request.code is not None:
            self._rates.login(tenant)

    def _tenant(self, request: SignIn) -> Tenant | None:
        """A site of one tenant needs no name, nor does a tenant's own host name; else none is guessed."""
        organisation = request.organisation
        if request.at is not None:
            named = None if organisation is None else self._directory.tenants.by_name(organisation)
            return request.at if organisation is None or named == request.at else None
        if organisation is not None:
            return self._directory.tenants.by_name(organisation)
        tenants = self._directory.tenants.list()
        return tenants[0] if len(tenants) == 1 else None

    async def _ledger(self, tenant: Tenant | None, user: User | None, request: SignIn) -> AttemptLedger:
        if tenant and user:
            return await self._directory.attempts.of_user(tenant.id, user.id)
        organisation = tenant.name if tenant else request.organisation or ""
        return self._directory.attempts.of_stranger(organisation, request.username)

    async def _complete(self, proven: _Proven, code: str) -> SignedIn:
        async with proven.guess.ledger.turn:
            return await self._accept(proven, code)

    async def _accept(self, proven: _Proven, code: str) -> SignedIn:
        ledger = proven.guess.ledger
        store = await self._stores.tenant(proven.tenant.id)
        for _ in range(_TRIES):
            user_record = self._user_record(proven)
            attempts_record = await ledger.read()
            found = await examine(store, proven.user, code, attempts_of(attempts_record), self._clock.now())
            if isinstance(found, Proof):
                if signed_in := await self._commit_login(proven, user_record, attempts_record, found):
                    return signed_in
            elif found.attempts is None or await ledger.replace(attempts_record, found.attempts.to_json()):
                request = proven.request
                if await self._directory.nonces.seen(store, request.client_key, request.nonce):
                    raise Refused(
                        "outcome_unknown"
                    )  # this very request has spent it, at a broker that was lost
                raise _refused(proven.guess, proven.tenant, proven.user, "code")
        raise Unavailable()

    def _user_record(self, proven: _Proven) -> Record:
        """The user as it is now, on which the transaction depends.

        A password that was changed meanwhile is not the one that was verified.
        """
        record = self._directory.users.record(proven.tenant.id, proven.user.id)
        user = User.from_json(record.value) if record else None
        if record is None or user is None or user.disabled or not _same_secrets(user, proven.user):
            raise _refused(proven.guess, proven.tenant, proven.user, "account: it was changed meanwhile")
        return record

    async def _commit_login(
        self, proven: _Proven, user_record: Record, attempts_record: Record | None, proof: Proof
    ) -> SignedIn | None:
        """None when somebody else was quicker: look again. Raises Refused("signature_refused") for a replay."""
        request, nonces = proven.request, self._directory.nonces
        store = await self._stores.tenant(proven.tenant.id)
        attempt = await proven.guess.ledger.replacing(attempts_record, proof.attempts.to_json())
        epoch, now = self._directory.tenants.epoch(), self._clock.now()
        secret, login = new_login(proven.tenant.id, proven.user.id, request.client_key, now, epoch)
        nonce = await nonces.first_use(store, request.client_key, request.nonce)
        lease = await self._login_lease()
        operations = [attempt[0], nonce[0], login_creation(store, login, lease), *proof.operations]
        operations += _rehash(store, proven, user_record)
        conditions = [attempt[1], nonce[1], store.unchanged(user_record), *proof.conditions]
        try:
            result = await commit(self._stores, *operations, conditions=conditions)
        except LeaseGone:
            nonces.forget_lease()
            return None
        await self._snapshot.until(result.revision)
        if result.succeeded or await store.get(("login", login.hash)):
            left = proof.recovery_codes_left
            tried = proven.guess.before.tried
            return SignedIn(proven.tenant, proven.user, login, secret, result.revision, left, tried)
        await self._stores.grid.revoke(lease)
        if await nonces.seen(store, request.client_key, request.nonce):
            raise Refused("signature_refused")
        return None

    async def _login_lease(self) -> int:
        try:
            return (await self._stores.grid.lease(LIFETIME_SECONDS)).id
        except GridUnavailable as exc:
            raise Unavailable() from exc


def _same_secrets(one: User, other: User) -> bool:
    return (one.password_hash, one.totp_secret) == (other.password_hash, other.totp_secret)


def _rehash(store: Scope, proven: _Proven, user_record: Record) -> list[SealedOperation]:
    if proven.new_hash is None:
        return []
    renewed = replace(User.from_json(user_record.value), password_hash=proven.new_hash)
    return [store.put(user_record.path, renewed.to_json(), author="sign-in: hash renewed")]


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
