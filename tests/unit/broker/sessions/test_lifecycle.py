"""What is told of an application that ended (broker/sessions/lifecycle.py)."""

from __future__ import annotations

import signal

import pytest

from broker.sessions.lifecycle import how_it_exited


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("application_exited", 3, " (exit status 3)"),
        ("application_exited", 0, " (exit status 0)"),
        ("application_exited", -signal.SIGSEGV, " (ended by SIGSEGV)"),
        ("application_exited", -signal.SIGKILL, " (ended by SIGKILL)"),
        ("application_exited", -1073741819, " (exit status -1073741819)"),
        ("window_timeout", 0, " (exit status 0)"),
        ("window_timeout", None, ""),
    ],
)
def test_an_application_that_ended_is_told_as_it_did(code: str, status: int | None, told: str) -> None:
    assert how_it_exited(code, status) == told


@pytest.mark.parametrize("status", [-signal.SIGTERM, -signal.SIGKILL])
def test_what_the_host_ended_says_nothing_of_the_application(status: int) -> None:
    assert how_it_exited("window_timeout", status) == ""
