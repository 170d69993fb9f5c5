"""Who is killed: what is found, held, and found again; never whoever has its number by then."""

import contextlib
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from agents.linux.leader import processes


@pytest.fixture
def sleeping():
    with contextlib.ExitStack() as started:

        def start():
            process = started.enter_context(subprocess.Popen(["sleep", "600"]))
            started.callback(process.kill)
            return process

        yield start


def test_what_is_found_twice_is_killed(sleeping):
    ended, left = sleeping(), sleeping()
    processes.kill(lambda: {ended.pid}, signal.SIGTERM)
    assert ended.wait() == -signal.SIGTERM and left.poll() is None


def test_a_number_that_is_found_once_alone_may_be_anothers_by_now(sleeping):
    other = sleeping()
    looks = iter([{other.pid}, set()])
    processes.kill(lambda: next(looks))
    assert other.poll() is None and next(looks, None) is None


def test_a_number_that_became_one_of_ours_after_it_was_held_is_not_killed_for_what_it_was(sleeping):
    ended, new = sleeping(), sleeping()
    ended.kill()
    ended.wait()
    looks = iter([{ended.pid}, {ended.pid, new.pid}])
    processes.kill(lambda: next(looks))
    assert new.poll() is None


def test_more_than_there_are_descriptors_for_are_killed_in_rounds(sleeping):
    started = {process.pid: process for process in (sleeping() for _ in range(24))}
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path("/dev/null").open() as highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno() + 8, before[1]))
    try:
        rounds = 0
        while left := {pid for pid, process in started.items() if process.poll() is None}:
            processes.kill(lambda left=left: left)
            for process in started.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0)
            rounds += 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert rounds > 1
