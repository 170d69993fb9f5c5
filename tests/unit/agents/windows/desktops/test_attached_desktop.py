"""When somebody from afar may act, as far as time and signs decide."""

import pytest

from agents.windows.desktops import desktop
from agents.windows.desktops.desktop import is_away, may_act

NOW = 50_000


class Desk:
    """Of user32 and kernel32 what tells of signs: each says when the person did something last, 0: it does not."""

    def __init__(self, *signs):
        self.signs = dict(enumerate(signs, 1))

    def FindWindowW(self, kind, title):
        return None

    def FindWindowExW(self, parent, after, kind, title):
        return (after or 0) + 1 if (after or 0) < len(self.signs) else None

    def GetPropW(self, window, name):
        return self.signs[window] or None

    def GetTickCount(self):
        return NOW


@pytest.mark.parametrize(
    ("signs", "may"),
    [
        ((), False),
        ((0,), True),
        ((NOW - 10,), False),
        ((0, NOW - 10), False),
        ((NOW - 10, 0), False),
        ((0, 9), True),
    ],
)
def test_every_sign_has_a_say_and_none_is_a_no(monkeypatch, signs, may):
    monkeypatch.setattr(desktop, "user32", lambda: Desk(*signs))
    monkeypatch.setattr(desktop, "kernel32", lambda: Desk())
    assert may_act() is may


def test_a_person_is_away_a_second_after_what_they_did_last():
    assert not is_away(1000, 1000)
    assert not is_away(1000, 2000)
    assert is_away(1000, 2001)


def test_a_clock_that_begins_anew_changes_nothing():
    assert not is_away(2**32 - 500, 400)
    assert is_away(2**32 - 500, 501)
