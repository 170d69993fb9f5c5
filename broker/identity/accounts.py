"""What administrators do to accounts: invite, reset, change, disable, enable, delete.

They never see or choose a password: inviting and resetting give out a link by which the person does
(`enrolment_links`). A reset takes password and factor away at once, also where the factor was lost to somebody
else, and `disabled_users` cuts the live logins; API tokens stay, they are revoked by themselves. The last
administrator of a tenant, or platform administrator of the site, who can sign in never stops being one
(`indispensable`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from broker.credentials.vault import vault_deletion
from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Condition, Record, Scope, SealedOperation, Stores
from broker.identity import recovery_codes
from broker.identity.indispensable import Indispensable
from broker.repositories.api_tokens import ApiTokens, token_deletion
from broker.repositories.attempts import attempts_deletion
from broker.repositories.committing import commit
from broker.repositories.enrolment_links import link_creation, link_deletion, path
from broker.repositories.recovery_codes import codes_deletion, codes_renewal
from broker.repositories.users import Users, user_change, user_creation, user_deletion
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.ids import BearerSecret, new_secret
from portcullis.model.user import EnrolmentLink, User

LINK_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Issued:
    """A user and the link that was made. The token exists here alone: hand it over and forget it."""

    user: User
    token: BearerSecret
    revision: int

    def link(self, public_origin: str) -> str:
        """What stands behind `#` never leaves the browser: no server or proxy writes it into a log."""
        return f"{public_origin}/#/enrol/{self.token.text}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall be different of a user; None: as it is. `revision`: of the record that they were chosen for."""

    groups: frozenset[str] | None = None
    role: str | None = None
    platform: bool | None = None
    revision: int | None = None

    def of(self, user: User) -> User:
        return replace(
            user,
            groups=user.groups if self.groups is None else self.groups,
            role=user.role if self.role is None else self.role,
            platform=user.platform if self.platform is None else self.platform,
        )


@dataclass(frozen=True, slots=True)
class _NewLink:
    token: BearerSecret
    record: EnrolmentLink
    lease: int


class Accounts:
    def __init__(self, stores: Stores, users: Users, tokens: ApiTokens, clock: Clock) -> None:
        self._stores = stores
        self._users = users
        self._tokens = tokens
        self._clock = clock
        self._others = Indispensable(stores, users)

    async def invite(self, tenant_id: str, user: User, author: str) -> Issued:
        """Create the user. Raises Refused("already_exists"), Unavailable."""
        store = await self._stores.tenant(tenant_id)
        link = await self._new_link(tenant_id, user)
        invited = replace(user, link_hash=link.record.hash, link_expires=link.record.expires)
        operations, conditions = user_creation(store, invited, author)
        taken = Refused("already_exists", "There is a user of this name.")
        return await self._issue(store, invited, link, operations, conditions, taken)

    async def reset(self, tenant_id: str, name: str, author: str, *, enable: bool = False) -> Issued:
        """Take password, factor, recovery codes and an earlier link away, and make a new link.

        Raises Refused: not_found, user_disabled (unless `enable`), changed_meanwhile; Unavailable.
        """
        record, user = self._find(tenant_id, name)
        if user.disabled and not enable:
            raise Refused("user_disabled", "The account is disabled: enable it first.")
        store = await self._stores.tenant(tenant_id)
        link = await self._new_link(tenant_id, user)
        reset = replace(
            user,
            disabled=False,
            password_hash="",
            totp_secret="",
            link_hash=link.record.hash,
            link_expires=link.record.expires,
            first_password=False,
        )
        put, unchanged = user_change(store, record, reset, author)
        operations = [
            put,
            codes_deletion(store, user.id),
            vault_deletion(store, user.id),
            attempts_deletion(store, user.id),
            *link_deletion(store, user.link_hash),
        ]
        return await self._issue(store, reset, link, operations, [unchanged], Refused("changed_meanwhile"))

    async def check_disabling(self, tenant_id: str, name: str) -> User:
        """Whether it would be refused, as far as is known here. Raises Refused: not_found, last_administrator."""
        _, user = self._find(tenant_id, name)
        await self._others.stay(tenant_id, user, replace(user, disabled=True))
        return user

    async def set_disabled(self, tenant_id: str, name: str, disabled: bool, author: str) -> tuple[User, int]:
        """Answers with the user and the grid's revision.

        Raises Refused: not_found, last_administrator, last_platform_administrator, changed_meanwhile; Unavailable.
        """
        record, user = self._find(tenant_id, name)
        store = await self._stores.tenant(tenant_id)
        changed = replace(user, disabled=disabled)
        put, unchanged = user_change(store, record, changed, author)
        conditions = [unchanged, *await self._others.stay(tenant_id, user, changed)]
        result = await commit(self._stores, put, conditions=conditions)
        if not result.succeeded:
            now = await store.get(record.path)
            if now is None or now.value != changed.to_json():
                raise Refused("changed_meanwhile")
        return changed, result.revision

    async def change(
        self, tenant_id: str, name: str, wanted: Changes, author: str, relied_on: Sequence[Condition] = ()
    ) -> tuple[User, int]:
        """Groups, role, or whether they are a platform administrator. `relied_on`: what must still hold. Answers with
        the user and the grid's revision.

        Raises Refused: not_found, last_administrator, last_platform_administrator, changed_meanwhile; Unavailable.
        """
        record, user = self._find(tenant_id, name)
        if wanted.revision not in (None, record.mod_revision):
            raise Refused("changed_meanwhile")
        store = await self._stores.tenant(tenant_id)
        changed = wanted.of(user)
        put, unchanged = user_change(store, record, changed, author)
        conditions = [unchanged, *relied_on, *await self._others.stay(tenant_id, user, changed)]
        result = await commit(self._stores, put, conditions=conditions)
        if not result.succeeded:
            now = await store.get(record.path)
            if now is None or now.value != changed.to_json():
                raise Refused("changed_meanwhile")
        return changed, result.revision

    async def renew_recovery_codes(self, tenant_id: str, user_id: str) -> tuple[list[str], int]:
        """New ones in place of those that are left, which are good no more. Answers with the grid's revision as well.

        Raises Refused("changed_meanwhile"), Unavailable.
        """
        codes = recovery_codes.new_codes()
        hashes = [recovery_codes.hash_of(code) or "" for code in codes]
        store = await self._stores.tenant(tenant_id)
        operations, unchanged = await codes_renewal(store, user_id, hashes)
        result = await commit(self._stores, *operations, conditions=[unchanged])
        if not result.succeeded:
            raise Refused("changed_meanwhile")
        return codes, result.revision

    async def delete(self, tenant_id: str, name: str, author: str) -> tuple[User, int]:
        """With everything that only they could use, API tokens included; sessions are the caller's to end.

        Raises Refused: not_found, last_administrator, last_platform_administrator, changed_meanwhile; Unavailable.
        """
        record, user = self._find(tenant_id, name)
        store = await self._stores.tenant(tenant_id)
        conditions = [store.unchanged(record), *await self._others.stay(tenant_id, user, None)]
        operations = [
            *user_deletion(store, user, author),
            *self._users.policy_deletions(store, user, author),
            attempts_deletion(store, user.id),
            codes_deletion(store, user.id),
            vault_deletion(store, user.id),
            *link_deletion(store, user.link_hash),
        ]
        result = await commit(self._stores, *operations, conditions=conditions)
        if not result.succeeded and await store.get(record.path) is not None:
            raise Refused("changed_meanwhile")
        # Without their user they are refused already: no need for one transaction with an end that is not known.
        for token in self._tokens.list(tenant_id):
            if token.user_id == user.id:
                result = await commit(self._stores, token_deletion(store, token, author))
        return user, result.revision

    def _find(self, tenant_id: str, name: str) -> tuple[Record, User]:
        user = self._users.by_name(tenant_id, name)
        record = self._users.record(tenant_id, user.id) if user else None
        if user is None or record is None:
            raise Refused("not_found", "There is no such user.")
        return record, User.from_json(record.value)

    async def _new_link(self, tenant_id: str, user: User) -> _NewLink:
        token, now = new_secret("enrol", tenant_id), self._clock.now()
        try:
            lease = await self._stores.grid.lease(LINK_SECONDS)
        except GridUnavailable as exc:
            raise Unavailable() from exc
        link = EnrolmentLink(token.hash, tenant_id, user.id, now, now + LINK_SECONDS)
        return _NewLink(token, link, lease.id)

    async def _issue(
        self,
        store: Scope,
        user: User,
        link: _NewLink,
        operations: Sequence[SealedOperation],
        conditions: Sequence[Condition],
        refusal: Refused,
    ) -> Issued:
        creation = link_creation(store, link.record, link.lease)
        result = await commit(self._stores, *operations, creation, conditions=conditions)
        if not result.succeeded and await store.get(path(link.record.hash)) is None:
            await self._stores.grid.revoke(link.lease)
            raise refusal
        return Issued(user, link.token, result.revision)
