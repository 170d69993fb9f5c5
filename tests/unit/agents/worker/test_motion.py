"""A move is found where something moved, is right pixel by pixel, and is not made where it saves nothing."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.worker.motion import MINIMUM_GAIN_PIXELS, MoveFinder, find_move

HEIGHT, WIDTH = 300, 400


def noise(height, width, seed=1, colours=1 << 24):
    return np.random.default_rng(seed).integers(0, colours, (height, width), np.uint32)


def lines(height, width, seed=1):
    """Rows of letters of two colours, blank between them: as bitmap text is."""
    picture = np.full((height, width), 0xFFFFFF, np.uint32)
    generator = np.random.default_rng(seed)
    alphabet = generator.integers(0, 2, (20, 10, 6), np.uint32) * 0xFFFFFF
    for y in range(4, height - 12, 14):
        for x in range(4, width - 8, 8):
            picture[y : y + 10, x : x + 6] = alphabet[generator.integers(20)]
    return picture


def is_right(move, before, now):
    box = move.box
    there = before[move.from_y : move.from_y + box.height, move.from_x : move.from_x + box.width]
    return (now[box.y : box.y + box.height, box.x : box.x + box.width] == there).all()


def gain(move, before, now):
    box = move.box
    area = slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
    return int((before[area] != now[area]).sum())


@pytest.mark.parametrize("draw", [noise, lines], ids=["photograph", "text"])
@pytest.mark.parametrize("by", [1, 14, 120, -1, -14, -120])
def test_a_scroll_up_or_down_is_found_whole(draw, by):
    page = draw(HEIGHT + 240, WIDTH)
    before, now = page[120 : 120 + HEIGHT], page[120 + by : 120 + by + HEIGHT]
    move = find_move(before, now)
    assert (move.from_x - move.box.x, move.from_y - move.box.y) == (0, by)
    assert is_right(move, before, now)
    changed = (before != now)[max(0, -by) : HEIGHT - max(0, by)].sum()
    assert gain(move, before, now) >= 0.95 * changed


@pytest.mark.parametrize("by", [8, 33, -50])
def test_a_scroll_across_is_found(by):
    page = lines(HEIGHT, WIDTH + 100)
    before, now = page[:, 50 : 50 + WIDTH], page[:, 50 + by : 50 + by + WIDTH]
    move = find_move(before, now)
    assert (move.from_x - move.box.x, move.from_y - move.box.y) == (by, 0)
    assert is_right(move, before, now)


@pytest.mark.parametrize("draw", [noise, lines], ids=["photograph", "text"])
@pytest.mark.parametrize("by", [(1, 1), (40, -23), (-9, 77), (120, 90)])
def test_a_dragged_window_is_found_whole(draw, by):
    window = draw(150, 200)
    window[:12] = noise(12, 200, seed=9, colours=0x101010)  # its title
    before = np.full((HEIGHT, WIDTH), 0x336699, np.uint32)
    now = before.copy()
    x, y = by
    before[100 : 100 + 150, 120 : 120 + 200] = window
    clipped = now[100 + y : 100 + y + 150, 120 + x : 120 + x + 200]
    clipped[...] = window[: clipped.shape[0], : clipped.shape[1]]
    move = find_move(before, now)
    assert (move.box.x - move.from_x, move.box.y - move.from_y) == by
    assert is_right(move, before, now)
    assert move.box.pixels >= 0.95 * clipped.size


def test_a_page_that_scrolls_between_what_stands_still_is_found():
    before = lines(HEIGHT, WIDTH)
    now = before.copy()
    now[50:222, :300] = before[78:250, :300]
    now[222:250, :300] = lines(28, 300, seed=5)
    now[100:140, 305:] = noise(40, WIDTH - 305)  # something else plays beside it
    move = find_move(before, now)
    assert move.from_y - move.box.y == 28
    assert is_right(move, before, now)
    assert move.box.height > 160


def test_what_differs_within_a_scroll_is_left_out():
    page = lines(HEIGHT + 28, WIDTH)
    before, now = page[:HEIGHT], page[28:].copy()
    now[10:20, 350:] = 0x123456
    move = find_move(before, now)
    assert is_right(move, before, now)
    assert gain(move, before, now) > 0.8 * (before != now).sum()


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (noise(HEIGHT, WIDTH, 1), noise(HEIGHT, WIDTH, 2)),
        (np.zeros((HEIGHT, WIDTH), np.uint32), np.full((HEIGHT, WIDTH), 7, np.uint32)),
        (lines(HEIGHT, WIDTH), lines(HEIGHT, WIDTH)),
        (lines(20, 30), np.roll(lines(20, 30), 3, axis=0)),
        (noise(1, 5), noise(1, 5, 2)),
        (noise(5000, 1), noise(5000, 1, 2)),
    ],
    ids=["noise", "blank to blank", "nothing changed", "too small to be worth it", "tiny", "a column"],
)
def test_where_nothing_moved_there_is_no_move(before, now):
    assert find_move(before, now) is None


def test_a_pattern_that_repeats_gives_a_right_move_or_none():
    board = (np.add.outer(np.arange(HEIGHT) // 8, np.arange(WIDTH) // 8) % 2 * 0xFFFFFF).astype(np.uint32)
    for now in (np.roll(board, 3, axis=0), np.roll(board, (5, 3), axis=(0, 1)), 0xFFFFFF - board):
        move = find_move(board, now)
        assert move is None or (is_right(move, board, now) and gain(move, board, now) >= MINIMUM_GAIN_PIXELS)


@st.composite
def screens(draw):
    """A screen and what some moves, drawings and scrolls made of it."""
    seed = draw(st.integers(0, 999))
    before = draw(st.sampled_from((noise, lines)))(draw(st.integers(1, 200)), draw(st.integers(1, 260)), seed)
    height, width = before.shape
    now = before.copy()
    for _ in range(draw(st.integers(1, 4))):
        x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        w, h = draw(st.integers(1, width - x)), draw(st.integers(1, height - y))
        to_x, to_y = draw(st.integers(0, width - w)), draw(st.integers(0, height - h))
        what = draw(st.sampled_from(("move", "move", "noise", "fill")))
        piece = {"move": before[y : y + h, x : x + w], "noise": noise(h, w, seed + 1), "fill": 0x777777}[what]
        now[to_y : to_y + h, to_x : to_x + w] = piece
    return before, now


@settings(max_examples=150, deadline=None)
@given(screens())
def test_every_move_reproduces_the_screen_and_is_worth_it(pair):
    before, now = pair
    move = find_move(before, now)
    if move is not None:
        height, width = now.shape
        box = move.box
        assert box.clipped(width, height) == box
        assert min(box.x, box.y) >= 0
        assert 0 <= move.from_x <= width - box.width and 0 <= move.from_y <= height - box.height
        assert is_right(move, before, now)
        assert gain(move, before, now) >= MINIMUM_GAIN_PIXELS


def test_drags_are_looked_for_less_often_the_longer_there_was_none():
    finder = MoveFinder()
    pictures = [noise(HEIGHT, WIDTH, seed) for seed in range(20)]
    for before, now in itertools.pairwise(pictures):
        assert finder.find(before, now, before != now) is None
    before = pictures[-1]
    found = []
    for _ in range(10):
        now = np.roll(before, (13, 17), axis=(0, 1))
        found.append(finder.find(before, now, before != now) is not None)
        before = now
    assert found[-1] and found.index(True) < 9
    assert all(found[found.index(True) :])


def test_a_scroll_is_found_however_long_there_was_none():
    finder = MoveFinder()
    for seed in range(20):
        before, now = noise(HEIGHT, WIDTH, seed), noise(HEIGHT, WIDTH, seed + 1)
        finder.find(before, now, before != now)
    scrolled = np.roll(now, 5, axis=0)
    assert finder.find(now, scrolled, now != scrolled) is not None


def test_what_moves_across_is_found_again_within_a_few_pictures_of_a_flood():
    finder = MoveFinder()
    pictures = [lines(HEIGHT, WIDTH + 400, seed)[:, :WIDTH] for seed in range(20)]
    for before, now in itertools.pairwise(pictures):
        finder.find(before, now, before != now)
    page = lines(HEIGHT, WIDTH + 400, 7)
    views = [page[:, 20 * step : 20 * step + WIDTH] for step in range(15)]
    found = [finder.find(before, now, before != now) is not None for before, now in itertools.pairwise(views)]
    assert found.index(True) < 9
    assert all(found[found.index(True) :])
