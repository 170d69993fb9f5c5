"""What was coarse comes again, once, when it rests."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.worker.damage import Box, area
from agents.worker.refinement import REST_SECONDS, Refinement

WIDTH, HEIGHT = 500, 333
boxes = st.builds(
    Box, st.integers(0, 499), st.integers(0, 332), st.integers(1, 500), st.integers(1, 333)
).map(lambda box: box.clipped(WIDTH, HEIGHT))


def test_nothing_is_due_where_all_is_exact():
    refinement = Refinement(WIDTH, HEIGHT)
    assert refinement.due_at() is None
    assert refinement.take(1e9, 1 << 30) == []


def test_what_is_coarse_is_due_when_it_rests():
    refinement = Refinement(WIDTH, HEIGHT)
    refinement.coarse(Box(10, 10, 50, 50), 5.0)
    assert refinement.due_at() == 5.0 + REST_SECONDS
    assert refinement.take(5.2, 1 << 30) == []
    refinement.coarse(Box(10, 10, 5, 5), 5.2)
    assert refinement.take(5.4, 1 << 30) == []
    assert refinement.take(5.5, 1 << 30) == [Box(0, 0, 64, 64)]
    assert refinement.due_at() is None


def test_steps_are_small():
    refinement = Refinement(WIDTH, HEIGHT)
    refinement.coarse(Box(0, 0, WIDTH, HEIGHT), 0.0)
    steps = []
    while step := refinement.take(1.0, 16384):
        steps.append(step)
    assert all(sum(box.pixels for box in step) < 2 * 16384 for step in steps)
    assert sum(box.pixels for step in steps for box in step) == WIDTH * HEIGHT


def test_moved_photograph_is_coarse_where_it_went():
    refinement = Refinement(WIDTH, HEIGHT)
    refinement.coarse(Box(0, 0, 64, 64), 0.0)
    refinement.moved(Box(300, 200, 64, 64), 0, 0)
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    for box in refinement.take(1.0, 1 << 30):
        pixels[area(box)] = True
    assert pixels[200:264, 300:364].all()


@given(st.lists(st.tuples(st.booleans(), boxes), max_size=12))
def test_every_coarse_pixel_comes_again(happening):
    refinement = Refinement(WIDTH, HEIGHT)
    coarse = np.zeros((HEIGHT, WIDTH), bool)
    for is_exact, box in happening:
        if is_exact:
            refinement.exact(box)
        else:
            refinement.coarse(box, 0.0)
        coarse[area(box)] = not is_exact
    for box in refinement.take(1.0, 1 << 30):
        coarse[area(box)] = False
    assert not coarse.any()
    assert refinement.due_at() is None
