"""Revocations that follow from records: every broker tells its own machines, whoever made the change.

A login that was deleted, and a user who may not stay. Entitlements that are withdrawn are among the rules
(`broker.revocation.rules`). While no broker lives nothing is withdrawn, so that none has to look back at its start.
"""

from __future__ import annotations

from collections.abc import Callable

from broker.revocation.office import Revocations
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
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
