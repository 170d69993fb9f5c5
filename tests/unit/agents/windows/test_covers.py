"""Why a screen cannot be seen."""

import pytest

from agents.windows.covers import SessionState, cover

USUAL = SessionState()
LOCKED = SessionState(is_locked=True)


@pytest.mark.parametrize(
    ("desktop", "session", "reason"),
    [
        ("Default", USUAL, ""),
        ("default", USUAL, ""),
        ("Winlogon", LOCKED, "locked"),
        (None, LOCKED, "locked"),
        (None, USUAL, "prompt"),  # the secure desktop, which we may not even ask
        ("Winlogon", USUAL, "prompt"),
        ("Screen-saver", USUAL, "locked"),
        ("Default", SessionState(is_connected=False), "off"),
        (None, SessionState(is_connected=False, is_locked=True), "off"),
        ("Default", LOCKED, ""),  # Windows says so for a moment after it was unlocked: what is seen counts
    ],
)
def test_cover_is_told_by_the_desktop_that_has_the_input(desktop, session, reason):
    assert cover(desktop, session) == reason
