"""What of a grid goes into a backup."""

from __future__ import annotations

from broker.backup.kept import kept
from broker.grid import keys
from broker.grid.grid import KeyValue

LIVING, GONE = "a" * 16, "b" * 16


def item(scope: str, *path: str, lease: int = 0) -> KeyValue:
    return KeyValue(keys.key(scope, path), b"", 1, 1, lease)


def test_what_is_left_of_a_tenant_without_its_key_is_not_kept() -> None:
    """It would open nowhere, and the whole backup would count as damaged."""
    living = [item("site", "key", "tenant", LIVING), item(LIVING, "user", "1" * 16), item("site", "meta")]
    left = [item(GONE, "user", "2" * 16), item(GONE, "history", "user", "2" * 16, "0")]
    assert set(kept([*living, *left])) == set(living)


def test_what_is_of_the_moment_is_not_kept() -> None:
    kept_ones = [item("site", "key", "tenant", LIVING)]
    passing = [item(LIVING, "entry", "1" * 16, lease=7), item(LIVING, "session", "2" * 16)]
    assert kept([*kept_ones, *passing]) == tuple(kept_ones)
