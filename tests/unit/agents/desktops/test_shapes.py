"""What a click on a question or a sign means."""

import pytest

from agents.desktops.shapes import ALLOW, COUNTING, DIALOG, END, REFUSE, SIGN, SIGN_TEXT, TEXT, TITLE, Clicks


def middle(area):
    return area.x + area.width / 2, area.y + area.height / 2


def test_a_click_counts_where_the_button_went_down_and_up_on_the_same_choice():
    clicks = Clicks({"refuse": REFUSE, "allow": ALLOW})
    clicks.pressed(*middle(ALLOW))
    assert clicks.released(*middle(ALLOW)) == "allow"
    clicks.pressed(*middle(REFUSE))
    assert clicks.released(*middle(ALLOW)) is None
    assert clicks.released(*middle(ALLOW)) is None  # it never went down
    clicks.pressed(1, 1)
    assert clicks.released(1, 1) is None


def test_what_is_no_choice_yet_when_the_button_goes_down_is_none():
    clicks = Clicks({"refuse": REFUSE})
    clicks.pressed(*middle(ALLOW))
    clicks.choices = {"refuse": REFUSE, "allow": ALLOW}
    assert clicks.released(*middle(ALLOW)) is None


@pytest.mark.parametrize(
    ("areas", "size"), [((ALLOW, REFUSE, COUNTING, TITLE, TEXT), DIALOG), ((END, SIGN_TEXT), SIGN)]
)
def test_nothing_lies_outside_or_on_something_else(areas, size):
    for area in areas:
        assert area.x >= 0 and area.x + area.width <= size[0]
        assert area.y >= 0 and area.y + area.height <= size[1]
        others = [each for each in areas if each != area]
        assert not any(each.holds(*middle(area)) for each in others)


def test_pixels_follow_the_scale():
    assert END.pixels(1) == (362, 4, 426, 30)
    assert END.pixels(1.5) == (543, 6, 639, 45)
