"""A change reaches the hosts that it concerns, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from broker.grid.scopes import Record
from broker.hosts.changes import HostChanges
from broker.snapshot import Change

ONE, OTHER, TENANT = "1" * 16, "2" * 16, "a" * 16


class Snapshot:
    tell: Callable[[Change], None]

    def subscribe(self, callback: Callable[[Change], None]) -> None:
        self.tell = callback


def change(scope: str, *path: str, value: dict[str, Any] | None = None, gone: bool = False) -> Change:
    record = Record.of(scope, path, value or {}, 1, 1)
    return Change(scope, path, None if gone else record, record if gone else None, 1)


@pytest.mark.parametrize(
    ("told", "hears"),
    [
        (change("site", "slot", ONE, "3"), {ONE}),
        (change("site", "slot", ONE, "3", gone=True), {ONE}),
        (change("site", "host", OTHER), {OTHER}),
        (change("site", "ended", ONE, "b" * 16), {ONE}),
        (change("site", "live", "host", OTHER), {OTHER}),
        (change(TENANT, "session", "c" * 16, value={"host_id": ONE}), {ONE}),
        (change(TENANT, "session", "c" * 16, value={"host_id": OTHER}, gone=True), {OTHER}),
        (change("site", "gateway", "d" * 16), {ONE, OTHER}),
        (change("site", "key", "grant", "k"), {ONE, OTHER}),
        (change(TENANT, "user", ONE), set()),
        (change(TENANT, "host", ONE), set()),
        (change("site", "live", "host", "3" * 16), set()),
    ],
    ids=lambda value: "-".join(value.path) if isinstance(value, Change) else None,
)
def test_each_kind_of_change(told: Change, hears: set[str]) -> None:
    snapshot, heard = Snapshot(), set[str]()
    changes = HostChanges(snapshot)  # type: ignore[arg-type]
    for host in (ONE, OTHER):
        changes.watch(host, lambda _, host=host: heard.add(host))  # type: ignore[misc]
    snapshot.tell(told)
    assert heard == hears


def test_two_channels_of_a_host_both_hear_until_they_stop() -> None:
    snapshot, heard = Snapshot(), list[str]()
    changes = HostChanges(snapshot)  # type: ignore[arg-type]
    stop = changes.watch(ONE, lambda _: heard.append("old"))
    changes.watch(ONE, lambda _: heard.append("new"))
    snapshot.tell(change("site", "host", ONE))
    stop()
    stop()
    snapshot.tell(change("site", "host", ONE))
    assert heard == ["old", "new", "new"]
