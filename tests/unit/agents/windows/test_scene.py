"""Which parts of a screen are the application's: compared with painting every window in its order."""

import random

import numpy as np
import pytest

from agents.windows.scene import BACKDROP, LINGER_SECONDS, Lingering, Shown, around, divided, veil
from agents.worker.damage import Box, area

SCREEN = Box(0, 0, 40, 30)
APPLICATION, OTHER = 1, 2


def box(rng):
    x, y = rng.randrange(SCREEN.width), rng.randrange(SCREEN.height)
    return Box(x, y, rng.randint(1, SCREEN.width - x), rng.randint(1, SCREEN.height - y))


def stack(rng):
    return [
        Shown(number, rng.random() < 0.5, tuple(box(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))))
        for number in range(rng.randrange(9))
    ]


def painted(windows):
    """The screen as Windows has it, and what of it is to be seen."""
    screen = np.full((SCREEN.height, SCREEN.width), 100, np.uint32)
    wanted = np.full_like(screen, BACKDROP)
    for number, window in reversed(list(enumerate(windows))):
        for each in window.boxes:
            screen[area(each)] = 1000 + number
            wanted[area(each)] = 1000 + number if window.is_ours else BACKDROP
    return screen, wanted


@pytest.mark.parametrize("seed", range(200))
def test_composed_picture_is_that_of_painting_by_order(seed):
    windows = stack(random.Random(seed))
    screen, wanted = painted(windows)
    scene = divided(windows, SCREEN)
    veil(screen, scene.hidden)
    assert (screen == wanted).all()


@pytest.mark.parametrize("seed", range(50))
def test_shown_and_hidden_are_the_whole_picture_once(seed):
    scene = divided(stack(random.Random(seed)), SCREEN)
    times = np.zeros((SCREEN.height, SCREEN.width), int)
    for each in (*scene.shown, *scene.hidden):
        times[area(each)] += 1
    assert (times == 1).all()


def test_without_windows_all_is_backdrop():
    assert divided([], SCREEN).hidden == (SCREEN,)
    assert around(divided([], SCREEN).shown) is None


def test_box_around_holds_all():
    assert around([Box(3, 4, 2, 2), Box(1, 9, 1, 1)]) == Box(1, 4, 4, 6)


def application(*boxes):
    return Shown(1, True, boxes)


def other(*boxes, window=2):
    return Shown(window, False, boxes)


def is_hidden(scene, x, y):
    return any(each.shared(Box(x, y, 1, 1)) for each in scene.hidden)


def test_where_another_window_closed_nothing_is_shown_for_a_moment():
    lingering = Lingering()
    mine, theirs = application(Box(0, 0, 20, 20)), other(Box(5, 5, 4, 4))
    assert is_hidden(lingering.divided([theirs, mine], SCREEN, 10.0), 6, 6)
    after = lingering.divided([mine], SCREEN, 10.1)
    assert is_hidden(after, 6, 6) and not is_hidden(after, 12, 12)
    assert is_hidden(lingering.divided([mine], SCREEN, 10.0 + LINGER_SECONDS), 6, 6)
    assert not is_hidden(lingering.divided([mine], SCREEN, 10.11 + LINGER_SECONDS), 6, 6)


def test_where_another_window_was_moved_from_nothing_is_shown_for_a_moment():
    lingering = Lingering()
    mine = application(Box(0, 0, 30, 20))
    lingering.divided([other(Box(5, 5, 4, 4)), mine], SCREEN, 10.0)
    scene = lingering.divided([other(Box(12, 5, 4, 4)), mine], SCREEN, 10.1)
    assert is_hidden(scene, 6, 6) and is_hidden(scene, 13, 6) and not is_hidden(scene, 20, 6)


def test_window_that_was_below_the_application_leaves_no_hole_in_it():
    lingering = Lingering()
    mine = application(Box(0, 0, 20, 20))
    lingering.divided([mine, other(Box(5, 5, 30, 4))], SCREEN, 10.0)
    scene = lingering.divided([mine], SCREEN, 10.1)
    assert not is_hidden(scene, 6, 6)


def test_application_that_is_raised_is_shown_at_once():
    lingering = Lingering()
    mine, theirs = application(Box(0, 0, 20, 20)), other(Box(5, 5, 4, 4))
    lingering.divided([theirs, mine], SCREEN, 10.0)
    assert not is_hidden(lingering.divided([mine, theirs], SCREEN, 10.1), 6, 6)
