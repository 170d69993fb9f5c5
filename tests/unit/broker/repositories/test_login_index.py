"""Logins by user, as they come and go."""

from __future__ import annotations

from collections.abc import Callable

from broker.grid.scopes import Record
from broker.repositories.login_index import LoginIndex
from broker.snapshot import Change

TENANT = "a" * 16


def login(name: str, user: str) -> Record:
    return Record.of(TENANT, ("login", name), {"user_id": user}, 1, 1)


class Snapshot:
    tell: Callable[[Change], None]

    def tenants(self) -> list[Record]:
        return [Record.of("site", ("tenant", TENANT), {}, 1, 1)]

    def list(self, scope: str, kind: str) -> list[Record]:
        return [login("there", "u1")] if (scope, kind) == (TENANT, "login") else []

    def subscribe(self, callback: Callable[[Change], None]) -> None:
        self.tell = callback


def test_it_begins_with_what_is_there_and_follows() -> None:
    snapshot = Snapshot()
    index = LoginIndex(snapshot)  # type: ignore[arg-type]
    assert [record.path[1] for record in index.of_user(TENANT, "u1")] == ["there"]
    snapshot.tell(Change(TENANT, ("login", "new"), login("new", "u1"), None, 2))
    snapshot.tell(Change(TENANT, ("login", "his"), login("his", "u2"), None, 3))
    assert {record.path[1] for record in index.of_user(TENANT, "u1")} == {"there", "new"}
    assert set(index.users()) == {(TENANT, "u1"), (TENANT, "u2")}


def test_a_user_without_logins_is_forgotten() -> None:
    snapshot = Snapshot()
    index = LoginIndex(snapshot)  # type: ignore[arg-type]
    snapshot.tell(Change(TENANT, ("login", "there"), None, login("there", "u1"), 2))
    assert (index.of_user(TENANT, "u1"), index.users()) == ([], [])


def test_other_kinds_are_passed_over() -> None:
    snapshot = Snapshot()
    index = LoginIndex(snapshot)  # type: ignore[arg-type]
    snapshot.tell(Change(TENANT, ("token", "t"), login("t", "u3"), None, 2))
    assert index.users() == [(TENANT, "u1")]
