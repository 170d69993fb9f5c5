"""When somebody from afar may act, as far as time decides."""

from agents.windows.desktops.desktop import is_away


def test_a_person_is_away_a_second_after_what_they_did_last():
    assert not is_away(1000, 1000)
    assert not is_away(1000, 2000)
    assert is_away(1000, 2001)


def test_a_clock_that_begins_anew_changes_nothing():
    assert not is_away(2**32 - 500, 400)
    assert is_away(2**32 - 500, 501)
