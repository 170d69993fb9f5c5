"""Sessions of a Windows host under Wine: helper, pipe, job object and applications are real, the worker shows nothing.

All scenarios are played by one process (tests/support/windows_sessions.py); what a test claims, it saw. Whom a pipe's
access list keeps out is not Wine's to say: tests/unit/agents/windows has what is decided, docs/windows.md the rest.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.windows_python import CLONE
from tests.support.wine import Wine

SECONDS = 400


@pytest.fixture(scope="module")
def seen(windows: Wine) -> dict[str, Any]:
    script = windows.path(CLONE / "tests/support/windows_sessions.py")
    done = windows.python(script, "C:\\sessions", timeout=SECONDS)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_session_starts_is_asked_to_end_and_leaves_nothing(seen):
    begun = seen["begins_and_logs_off"]
    assert begun["code"] == "logged_off" and begun["left"] == []
    assert begun["status"] == 0  # it closed its window and ended by itself; one that is ended has another
    assert {"python.exe", "notepad.exe"} <= set(begun["names"])
    assert begun["about"]["application"] == "a" * 16


@pytest.mark.parametrize(("scenario", "status"), [("ends_at_once", 3), ("crashes", -1073741819)])
def test_an_application_that_ends_at_once_tells_its_exit_code(seen, scenario, status):
    assert seen[scenario] == {"code": "application_exited", "status": status}


def test_a_program_that_is_not_there_is_said_to_be_missing(seen):
    assert seen["is_missing"]["code"] == "application_missing"
    assert "C:\\none\\none.exe" in seen["is_missing"]["detail"]


def test_arguments_arrive_as_they_were_published_at_home_with_the_environment(seen):
    assert seen["arguments_and_environment"] == {"arguments": True, "own": "é=1", "home": True}


def test_a_session_lives_as_long_as_anything_that_the_application_started(seen):
    assert seen["child_goes_on"] == {"was_over": False, "code": "application_closed"}


def test_nothing_outlives_a_helper_that_was_killed(seen):
    assert seen["helper_is_killed"] == {"again": None, "ended": None}


def test_a_worker_that_dies_ends_its_session_with_its_last_words(seen):
    died = seen["worker_dies"]
    assert (
        died["code"] == "worker_failed" and "ended with 3" in died["detail"] and "something" in died["detail"]
    )


def test_a_link_that_was_dropped_is_opened_again(seen):
    assert seen["link_is_dropped"] == {"session": True, "stage": "application"}


def test_a_session_outlives_the_agent_and_is_adopted_by_the_next(seen):
    assert seen["agent_is_killed"] == {"lives": True, "same": True, "pids": True, "code": "logged_off"}


def test_how_a_session_ended_while_no_agent_was_there_is_told_to_the_next(seen):
    assert seen["ends_without_an_agent"] == {"code": "application_exited", "link": None, "status": 5}


def test_a_session_whose_helper_is_gone_is_swept_at_the_start(seen):
    assert seen["dead_helper_is_swept"] == {"found": [], "left": []}


def test_a_stranger_at_the_pipe_is_shown_out_and_the_helper_let_in(seen):
    assert seen["stranger_comes"] == {"stage": "application", "noted": True}


def test_a_second_caller_finds_the_pipe_taken(seen):
    assert seen["second_helper"] == {"refused": 231}


def test_a_pipe_whose_name_is_taken_is_not_shared(seen):
    assert seen["name_is_taken"] == {"refused": True}


def test_a_helper_says_nothing_to_a_pipe_of_somebody_else(seen):
    assert "belongs to" in seen["pipe_of_somebody_else"]["refused"]


def test_a_service_starts_sessions_with_the_token_of_who_is_signed_in(seen):
    assert seen["as_a_service_would"]["code"] == "logged_off" and seen["as_a_service_would"]["user"]


def test_a_dry_run_looks_at_who_is_signed_in_and_at_the_program(seen):
    assert seen["dry_run"]["good"] == {"account": "passed", "command": "passed"}
    assert seen["dry_run"]["bad"] == ["failed", "application_missing"]


def test_the_service_hears_of_windows_sessions_waits_to_join_and_stops_well(seen):
    assert seen["service_runs_and_stops"] == {"sessions": True, "failed": 0}


def test_the_desktop_itself_is_published_as_the_shell_and_nothing_is_started(seen):
    assert seen["the_desktop_itself"] == {"processes": ["worker"], "code": "logged_off"}
