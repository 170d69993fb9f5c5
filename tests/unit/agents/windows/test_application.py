"""What of a screen an application's stack holds. What Windows answers is tried in tests/integration/windows/."""

import pytest

from agents.windows.application import Application
from agents.worker.damage import Box

SCREEN = Box(0, 0, 100, 50)
OURS, WHOLE, BELOW = Box(10, 10, 20, 20), Box(0, 0, 100, 50), Box(50, 0, 20, 20)


class Desk(Application):
    """Windows by their numbers, the topmost first; odd ones are the application's."""

    def __init__(self, frames):
        self.frames = frames
        self.asked = []

    def _look(self):
        return frozenset()

    def _top_levels(self):
        return iter(self.frames)

    def _is_of(self, window, pids):
        return window % 2 == 1

    def _is_glass(self, window):
        return False

    def _frame(self, window):
        self.asked.append(window)
        return self.frames[window]

    def _pieces(self, window, screen, frame):
        return (frame,)


@pytest.mark.parametrize("ours", [1, 3])
def test_windows_of_the_application_are_known_below_one_that_covers_the_screen_and_no_others(ours):
    desk = Desk({2: WHOLE, 4: BELOW, ours: OURS, 6: BELOW})
    assert [each.window for each in desk.stack(SCREEN)] == [2, ours]
    assert desk.asked == [2, ours]


def test_what_lies_beside_the_screen_is_not_on_it():
    desk = Desk({1: OURS.moved(200, 0), 2: BELOW})
    assert [(each.window, each.boxes) for each in desk.stack(SCREEN)] == [(2, (BELOW,))]
