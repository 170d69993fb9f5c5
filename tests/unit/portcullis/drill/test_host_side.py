"""What arrived is compared with what was typed, and a process is known by more than its number."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from portcullis.drill import host_side
from portcullis.drill.host_side import Difference
from portcullis.drill.live_session import characters

TYPED = "".join(islice(characters(), 600))


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (TYPED, Difference(0, 0)),
        (TYPED[:100] + TYPED[101:], Difference(1, 0)),
        (TYPED[:100] + TYPED[100:117] + TYPED[100:], Difference(0, 17)),
        (TYPED[:-8], Difference(8, 0)),
        (TYPED[:200] + TYPED[230:400] + TYPED[390:], Difference(30, 10)),
        ("", Difference(600, 0)),
        (TYPED[:50] + "x" + TYPED[50:], Difference(0, 1)),
    ],
)
def test_each_lost_and_each_doubled_character_counts(found: str, difference: Difference) -> None:
    assert host_side.compare(TYPED, found) == difference


def test_characters_that_changed_places_count_as_both() -> None:
    found = TYPED[:100] + TYPED[101] + TYPED[100] + TYPED[102:]
    difference = host_side.compare(TYPED, found)
    assert difference.lost and difference.doubled


def test_an_application_is_found_by_its_mark_and_lives_until_its_process_ends(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        home = tmp_path / "somebody"
        home.mkdir()
        (home / f"drill-typed.{process.pid}").write_text("abcd1234hello")
        (home / f"drill-typed.{os.getpid()}").write_text("other")
        found = host_side.find([tmp_path], "abcd1234")
        assert found is not None and found.pid == process.pid
        assert found.take() == "abcd1234hello"
        with found.path.open("a") as file:
            file.write(" again")
        assert (found.take(), found.news()) == (" again", "")
        assert found.lives
        process.kill()
    assert not found.lives
    assert host_side.find([tmp_path], "nobody") is None


def test_a_process_that_ended_and_is_not_collected_yet_does_not_live() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert host_side.start_of(process.pid) == ""


def test_the_way_up_from_a_process_ends_where_there_is_no_leader() -> None:
    assert host_side.parent_of(os.getpid()) == os.getppid()
    assert host_side.leader_of(os.getpid()) == 0
    assert host_side.worker_of(os.getpid()) == 0
