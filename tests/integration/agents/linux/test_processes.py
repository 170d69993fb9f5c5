"""The processes of a session by the machine's own /proc: all that a leader's children started, and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.linux.processes import processes_of

LEADER = """
sleep 300 & echo $!
exec 3<&0
(exec -a 'a ) (b' sleep 301) &
sh -c 'sleep 302; true' & echo $!
read end <&3
kill 0
"""


@pytest.fixture
def pids() -> Iterator[list[int]]:
    leader = subprocess.Popen(
        ["bash", "-c", LEADER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert leader.stdout and leader.stdin
    yield [leader.pid, *(int(leader.stdout.readline()) for _ in range(2))]
    leader.stdin.write("end\n")
    leader.stdin.close()
    leader.wait()
    leader.stdout.close()


def test_all_that_was_started_below_the_leader_is_listed(pids: list[int]) -> None:
    leader, first, shell = pids
    while len(processes_of({"application": first})) < 4:
        os.sched_yield()
    found = {process.pid: process for process in processes_of({"application": first})}
    assert leader not in found and os.getpid() not in found
    assert {first, shell} <= set(found) and len(found) == 4
    assert found[first].name == "sleep" and found[first].command == "sleep", (
        "no arguments: they may hold secrets"
    )
    assert found[first].memory_bytes > 0 and found[first].started > 1.6e9
    assert "a ) (b" in {process.command for process in found.values()}


def test_a_process_that_has_ended_has_none(tmp_path: Path) -> None:
    assert processes_of({"application": 2**22 - 3}) == []
    assert processes_of({}) == []


def test_what_this_very_process_started_is_no_session() -> None:
    child = subprocess.Popen(["sleep", "300"])
    assert processes_of({"application": child.pid}) == []
    child.kill()
    child.wait()
