"""Revocations that follow from records: every broker tells its own machines, whoever made the change.

A login that was deleted, a user who may not stay, and an entitlement that was withdrawn from somebody whose session
runs: its connections end, the application goes on, and is theirs again once they are entitled again. While
no broker lives nothing is withdrawn, so that none has to look back at its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from broker.grid.scopes import Record
from broker.repositories.policy_index import PolicyIndex
from broker.revocation.office import Revocations
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.model.application import Application
from portcullis.model.user import Login, User
from portcullis.revocations import Revocation


class DerivedRevocations:
    def __init__(self, snapshot: Snapshot, office: Revocations, clock: Clock) -> None:
        self._snapshot = snapshot
        self._office = office
        self._clock = clock
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._unsubscribe = self._snapshot.subscribe(self._changed)

    def stop(self) -> None:
        self._unsubscribe()

    def _changed(self, change: Change) -> None:
        match change.path[0]:
            case "login" if change.record is None and change.previous is not None:
                self._login_over(Login.from_json(change.previous.value))
            case "user":
                self._user_changed(change)
            case "application" if change.record is not None and change.previous is not None:
                application_id = change.path[1]
                if change.record.value.get("entitled") != change.previous.value.get("entitled"):
                    self._look(change.scope, lambda session: session["application_id"] == application_id)

    def _login_over(self, login: Login) -> None:
        """All brokers say the same, to the byte. One whose time was up needs nothing: its grants ended before."""
        meta = self._snapshot.get("site", ("meta",))
        if meta is not None and login.epoch < int(meta.value["epoch"]):
            return  # a panic's word for all of them went before
        if login.expires > self._clock.now():
            revocation = Revocation("login", login.tenant_id, login.hash, login.created, "signed_out")
            self._office.tell([self._office.sign_this(revocation)])

    def _user_changed(self, change: Change) -> None:
        if change.previous is None:
            return
        user = None if change.record is None else User.from_json(change.record.value)
        if user is None or user.disabled or not user.enrolled:
            self._office.tell([self._office.sign("user", change.scope, change.path[1])])
        elif user.groups != User.from_json(change.previous.value).groups:
            self._look(change.scope, lambda session: session["user_id"] == user.id)

    def _look(self, tenant_id: str, concerns: Callable[[dict[str, object]], bool]) -> None:
        sessions = [r for r in self._snapshot.list(tenant_id, "session") if concerns(r.value)]
        self._office.tell(
            [
                self._office.sign("user", tenant_id, user_id, code="not_entitled", session=session_id)
                for user_id, session_id in self._withdrawn(tenant_id, sessions)
            ]
        )

    def _withdrawn(self, tenant_id: str, sessions: Iterable[Record]) -> Iterable[tuple[str, str]]:
        """User and session, where the one may not have the other any more."""
        users: dict[str, User | None] = {}
        applications: dict[str, Application | None] = {}
        for record in sessions:
            user_id, application_id = record.value["user_id"], record.value["application_id"]
            if user_id not in users:
                found = self._snapshot.get(tenant_id, ("user", user_id))
                users[user_id] = User.from_json(found.value) if found else None
            if application_id not in applications:
                found = self._snapshot.get(tenant_id, ("application", application_id))
                applications[application_id] = Application.from_json(found.value) if found else None
            user, application = users[user_id], applications[application_id]
            if user and application:
                groups = self._snapshot.index(PolicyIndex).groups(tenant_id, user)
                if not application.entitlement.admits(user.name, groups):
                    yield user_id, record.path[1]
