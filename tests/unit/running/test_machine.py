"""What a slow machine makes of the patience of tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.running.machine import CROWDED, Watch
from tests.support.patience import patient


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TESTS_PATIENCE", "")
    return tmp_path / "patience"


def test_on_a_fast_machine_tests_wait_as_long_as_they_say(place: Path) -> None:
    assert patient(10) == 10
    Watch(place, 0.5)
    assert patient(10) == 10


def test_on_a_slow_one_they_wait_longer(place: Path) -> None:
    Watch(place, 4.0)
    assert patient(10) == 40


def test_one_that_becomes_slow_is_noticed_unless_it_is_for_a_moment(place: Path) -> None:
    watch = Watch(place, 1.0)
    for look in (CROWDED, 9 * CROWDED, CROWDED, CROWDED, 8 * CROWDED):
        watch.seen(look)
    assert patient(10) == 10
    watch.seen(7 * CROWDED)
    assert patient(10) == 70
    for _ in range(9):
        watch.seen(CROWDED)
    assert patient(10) == 70


def test_all_that_is_started_reads_the_same(place: Path) -> None:
    Watch(place, 2.0)
    assert Path(os.environ["TESTS_PATIENCE"]).read_text() == "2.0\n"
