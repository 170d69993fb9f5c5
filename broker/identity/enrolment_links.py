"""Enrolling by a link: the person chooses a password and proves a factor, once.

Nothing is spent before the last step, so that a reload, or a program that looks at links, costs nothing. Each
start of the factor makes a new secret, and the newest is the one to prove: who opened the link before and saw
one does not have the factor that its owner ends with. The last step is one transaction that compares link and
user: of two who complete the same link, one wins. Unknown, spent, replaced and expired links, and those of
disabled users, are refused alike.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from broker.grid.scopes import Record, Stores, TenantStore
from broker.identity import recovery_codes, totp
from broker.identity.lockout import Attempts
from broker.identity.passwords import Passwords
from broker.repositories.attempts import attempts_creation
from broker.repositories.committing import commit
from broker.repositories.enrolment_links import find_link, link_deletion, with_factor
from broker.repositories.recovery_codes import codes_creation
from broker.repositories.tenants import Tenants
from broker.repositories.users import Users, user_change
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.ids import new_id, parse_secret
from portcullis.logs import ids
from portcullis.model.tenant import Tenant
from portcullis.model.user import EnrolmentLink, User

log = logging.getLogger(__name__)

_TRIES = 20  # of a transaction that others outran


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that is good now, and whose it is."""

    tenant: Tenant
    user: User
    link: EnrolmentLink
    _store: TenantStore
    _link_record: Record
    _user_record: Record


class EnrolmentLinks:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        tenants: Tenants,
        users: Users,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._tenants = tenants
        self._users = users
        self._passwords = passwords
        self._clock = clock

    async def open(self, token: str) -> Opened:
        """Raises Refused("enrolment_refused"), GridUnavailable."""
        secret = parse_secret(token, "enrol")
        # A text that is no token costs the same look as one that is none of ours.
        store = await self._store(secret.scope if secret else new_id())
        found = await find_link(store, secret.hash) if store and secret else None
        tenant = self._tenants.get(secret.scope) if secret else None
        if store is None or found is None or tenant is None:
            raise Refused("enrolment_refused")
        link_record, link = found
        user_record = await store.get(("user", link.user_id))
        user = User.from_json(user_record.value) if user_record else None
        is_due = link.expires > self._clock.now()
        if user_record is None or user is None or user.disabled or user.link_hash != link.hash or not is_due:
            raise Refused("enrolment_refused")
        return Opened(tenant, user, link, store, link_record, user_record)

    def is_known(self, token: str) -> bool:
        """Whether it is the newest link of a user, whatever else: by the snapshot, without a look into the grid."""
        secret = parse_secret(token, "enrol")
        return secret is not None and any(
            user.link_hash == secret.hash for user in self._users.list(secret.scope)
        )

    async def start_factor(self, token: str, password: str) -> tuple[Opened, str]:
        """The secret to show, if the password may be chosen. It is good until it is asked for again.

        Raises Refused("enrolment_refused"), InvalidInput.
        """
        for _ in range(_TRIES):
            opened = await self.open(token)
            await self._check_password(opened, password)
            secret = totp.new_secret()
            operation, condition = with_factor(opened._store, opened._link_record, secret)
            result = await commit(self._stores, operation, conditions=[condition])
            if result.succeeded or await self._is_shown(opened, secret):
                return opened, secret
        raise Unavailable()

    async def check_code(self, token: str, code: str) -> float:
        """Seconds until the authenticator shows the code after this one.

        Raises Refused("enrolment_refused"), InvalidInput("code", code="code_refused").
        """
        opened, now = await self.open(token), self._clock.now()
        secret = opened.link.totp_secret
        step = totp.accepted_step(secret, code, now, last_step=0) if secret else None
        if step is None:
            raise InvalidInput("code", "the code that the authenticator shows now", code="code_refused")
        return max(0.0, (step + 1) * totp.STEP_SECONDS - now)

    async def complete(self, token: str, password: str, codes: tuple[str, str]) -> tuple[Opened, list[str]]:
        """Make password and factor the user's. Answers with the recovery codes, which exist here alone.

        Raises Refused("enrolment_refused"), InvalidInput; sign_in_blocked when too many passwords wait.
        """
        with self._passwords.reserved():
            opened = await self.open(token)
            await self._check_password(opened, password)
            step = self._proven_step(opened.link, codes)
            password_hash = await self._passwords.hash(password)
        recovery = recovery_codes.new_codes()
        revision = await self._commit(opened, password_hash, step, recovery)
        await self._snapshot.until(revision)
        log.info("user enrolled", extra=ids(tenant=opened.tenant.id, user=opened.user.id))
        return opened, recovery

    async def _store(self, tenant_id: str) -> TenantStore | None:
        try:
            return await self._stores.tenant(tenant_id)
        except Refused:
            return None

    async def _is_shown(self, opened: Opened, secret: str) -> bool:
        """Whether the link holds this secret: it does if the answer to its transaction was lost."""
        found = await find_link(opened._store, opened.link.hash)
        return found is not None and found[1].totp_secret == secret

    async def _check_password(self, opened: Opened, password: str) -> None:
        await self._passwords.check_choice(password, (opened.user.name, opened.tenant.name))

    def _proven_step(self, link: EnrolmentLink, codes: tuple[str, str]) -> int:
        secret = link.totp_secret
        step = totp.consecutive_step(secret, *codes, self._clock.now()) if secret else None
        if step is None:
            raise InvalidInput("codes", "two codes that follow each other", code="code_refused")
        return step

    async def _commit(self, opened: Opened, password_hash: str, step: int, recovery: list[str]) -> int:
        """Answers with the grid's revision. The codes that proved the factor are spent: none of them signs in."""
        store, user = opened._store, opened.user
        enrolled = replace(
            user,
            password_hash=password_hash,
            totp_secret=opened.link.totp_secret,
            link_hash="",
            link_expires=0.0,
        )
        put, unchanged = user_change(store, opened._user_record, enrolled, f"{user.name} ({user.id})")
        hashes = [recovery_codes.hash_of(code) or "" for code in recovery]
        result = await commit(
            self._stores,
            put,
            *link_deletion(store, opened.link.hash),
            codes_creation(store, user.id, hashes),
            attempts_creation(store, user.id, Attempts(last_step=step).to_json()),
            conditions=[unchanged, store.unchanged(opened._link_record)],
        )
        if not result.succeeded:
            now = await store.get(opened._user_record.path)
            if now is None or now.value.get("password_hash") != password_hash:
                raise Refused("enrolment_refused")
        return result.revision
