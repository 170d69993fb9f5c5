"""Attaching to a session: the ticket, its redemption, the grant and its renewal (docs/protocol.md 2, DESIGN 5).

A ticket is redeemed by one transaction that deletes it and raises the session's epoch e, on condition that the login
it was issued to still exists and its user is what it was: it works once, never after signing out, never for a user
who is disabled. The grant then carries the client from there without broker or grid, so it names everything it allows.

Whose entitlement was withdrawn gets no ticket and no renewed grant, nor who is where or comes when a policy does not
allow it (`standing`). What a grant allows is what the policy says at that moment. An application that was deleted
withdraws nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from broker.grid.scopes import Record, Stores, TenantStore
from broker.policy.conditions import channels
from broker.repositories.committing import commit
from broker.repositories.keys import GrantKeys
from broker.repositories.sessions import ATTEMPTS_ON_CONFLICT, Sessions, session_of
from broker.repositories.tickets import Ticket, Tickets, ticket_path
from broker.repositories.users import Users
from broker.sessions.standing import Standing
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.ids import BearerSecret, new_secret, parse_secret
from portcullis.logs import ids
from portcullis.model.session import ATTACHABLE, Session
from portcullis.model.user import Login, User
from portcullis.tickets import GRANT_LIFETIME_SECONDS, Grant, sign_grant

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Redeemed:
    session: Session
    tenant: str
    host: str
    grant: str


class Attach:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        sessions: Sessions,
        users: Users,
        tickets: Tickets,
        keys: GrantKeys,
        clock: Clock,
        is_void: Callable[[Login], bool] = lambda _: False,
        withdraw: Callable[[Session], None] = lambda _: None,
    ) -> None:
        """`is_void`: whether a login was revoked, although its record is still there. `withdraw`: somebody whom a
        policy keeps away may be connected to this session, and is not to be any more.
        """
        self._withdraw = withdraw
        self._is_void = is_void
        self._stores = stores
        self._snapshot = snapshot
        self._sessions = sessions
        self._users = users
        self._tickets = tickets
        self._keys = keys
        self._clock = clock
        self._standing = Standing(snapshot, clock)

    async def issue_ticket(self, login: Login, session_id: str, address: str | None = None) -> BearerSecret:
        """`address`: where the client is.

        Raises Refused: session_unknown (another user's is unknown too), user_disabled, not_entitled,
        outside_networks, outside_hours, session_not_ready.
        """
        session, _ = self._own_session(login, session_id, address)
        if session.state not in ATTACHABLE:
            raise Refused("session_not_ready")
        secret = new_secret("ticket", login.tenant_id)
        await self._tickets.issue(secret, login, session_id, address or "")
        return secret

    async def redeem(self, ticket_text: str) -> Redeemed:
        """Raises Refused: ticket_refused whatever is wrong with it, session_ended; Unavailable."""
        secret = parse_secret(ticket_text, "ticket")
        if secret is None:
            raise Refused("ticket_refused")
        tenant = await self._tenant(secret)
        for _ in range(ATTEMPTS_ON_CONFLICT):
            record = await self._tickets.get(tenant, secret)
            if record is None:
                raise Refused("ticket_refused")
            redeemed = await self._spend(tenant, secret, record)
            if redeemed is not None:
                return redeemed
        raise Unavailable(message="The session changes too often to be attached to now.")

    async def renew(self, login: Login, session_id: str, e: int, address: str | None = None) -> str:
        """A grant for the connection that this login opened as `e`.

        Raises Refused: as `issue_ticket`, session_ended, taken_over.
        """
        session, user = self._own_session(login, session_id, address, is_connected=True)
        if self._is_void(login):
            raise Refused("signed_out")
        if session.state not in ATTACHABLE:
            raise Refused("session_ended")
        if session.e != e or session.login != login.hash:
            raise Refused("taken_over")
        return self._grant(login, session, self._standing.channels(user, session))

    def _own_session(
        self, login: Login, session_id: str, address: str | None, *, is_connected: bool = False
    ) -> tuple[Session, User]:
        session = self._sessions.get(login.tenant_id, session_id)
        if session is None or session.user_id != login.user_id:
            raise Refused("session_unknown")
        user = self._users.get(login.tenant_id, login.user_id)
        if user is None or user.disabled:
            raise Refused("user_disabled")
        if not self._standing.is_entitled(user, session):
            raise Refused("not_entitled")
        values = self._standing.values(user, session)
        if not self._standing.allows_desktop(values, session):
            raise Refused("desktop_not_permitted")
        denial = self._standing.denial(values, address)
        if denial is not None:
            log.info("no connection: %s", denial.detail, extra=ids(session=session.id, code=denial.code))
            if is_connected:
                self._withdraw(session)
            raise Refused(denial.code)
        return session, user

    async def _tenant(self, secret: BearerSecret) -> TenantStore:
        try:
            return await self._stores.tenant(secret.scope)
        except Refused as exc:
            raise Refused("ticket_refused") from exc

    async def _spend(self, tenant: TenantStore, secret: BearerSecret, record: Record) -> Redeemed | None:
        """None when something changed under the transaction: look again whether the ticket is still there."""
        ticket = Ticket.from_json(record.value)
        login_record = await self._login(tenant, secret.scope, ticket)
        user_record = self._user(secret.scope, ticket)
        session_record = await self._session(tenant, secret.scope, ticket)
        session = session_of(session_record)
        user = User.from_json(user_record.value)
        if not self._standing.is_entitled(user, session):
            raise Refused("ticket_refused")  # withdrawn since it was issued
        values = self._standing.values(user, session)
        denial = self._standing.denial(values, ticket.address or None)
        if denial is not None or not self._standing.allows_desktop(values, session):
            raise Refused("ticket_refused")  # whoever asks for a new one is told why
        raised = replace(
            session,
            e=session.e + 1,
            login=ticket.login,
            client_address=ticket.address,
            clipboard=values["clipboard"].value,
            desktop=session.desktop and session.desktop.tightened_view(values["desktops"].value),
        )
        result = await commit(
            self._stores,
            tenant.delete(ticket_path(secret)),
            tenant.put(("session", session.id), raised.to_json()),
            conditions=[
                tenant.unchanged(record),
                tenant.unchanged(session_record),
                tenant.created_at(login_record.path, login_record.create_revision),
                tenant.unchanged(user_record),
            ],
        )
        await self._snapshot.until(result.revision)
        if not result.succeeded:
            return None
        log.info("ticket redeemed", extra=ids(tenant=secret.scope, session=session.id, e=raised.e))
        login = Login.from_json(login_record.value)
        if self._is_void(login):
            raise Refused("ticket_refused")
        grant = self._grant(login, raised, channels(values, session.desktop))
        return Redeemed(raised, secret.scope, session.host_id, grant)

    async def _login(self, tenant: TenantStore, tenant_id: str, ticket: Ticket) -> Record:
        path = ("login", ticket.login)
        record = self._snapshot.get(tenant_id, path) or await tenant.get(path)
        if record is None:
            raise Refused("ticket_refused")
        return record

    def _user(self, tenant_id: str, ticket: Ticket) -> Record:
        record = self._users.record(tenant_id, ticket.user)
        if record is None or User.from_json(record.value).disabled:
            raise Refused("ticket_refused")
        return record

    async def _session(self, tenant: TenantStore, tenant_id: str, ticket: Ticket) -> Record:
        """From the snapshot; where that is behind, from the grid."""
        path = ("session", ticket.session)
        record = self._snapshot.get(tenant_id, path)
        if record is None or session_of(record).state not in ATTACHABLE:
            record = await tenant.get(path)
        if record is None or session_of(record).state not in ATTACHABLE:
            raise Refused("session_ended")
        return record

    def _grant(self, login: Login, session: Session, allowed: frozenset[str]) -> str:
        """Never longer than the login: a grant is verified offline."""
        now = self._clock.now()
        kid, key = self._keys.signing()
        grant = Grant(
            kid=kid,
            tenant=session.tenant_id,
            user=session.user_id,
            login=login.hash,
            session=session.id,
            host=session.host_id,
            channels=allowed,
            client_key=login.client_key,
            e=session.e,
            issued=now,
            expires=min(now + GRANT_LIFETIME_SECONDS, login.expires),
        )
        return sign_grant(grant, key)
