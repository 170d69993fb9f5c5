"""Boxes cover every change, stay apart, and are tight."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.worker.damage import TILE, Box, bands, changed_boxes, together


def mask(width, height, *boxes):
    changed = np.zeros((height, width), bool)
    for box in boxes:
        changed[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return changed


def covered(boxes, x, y, width, height):
    picture = np.zeros((height, width), int)
    for box in boxes:
        picture[box.y - y : box.y - y + box.height, box.x - x : box.x - x + box.width] += 1
    return picture


def test_nothing_changed_gives_no_box():
    assert changed_boxes(mask(100, 100), 0, 0) == []


def test_small_change_gives_its_exact_box():
    assert changed_boxes(mask(800, 600, Box(70, 130, 16, 20)), 0, 0) == [Box(70, 130, 16, 20)]


def test_letter_is_one_box_also_across_the_grid_of_tiles():
    letter = mask(30, 30, Box(2, 3, 4, 20), Box(20, 25, 5, 2))
    assert changed_boxes(letter, 3 * TILE - 10, 5 * TILE - 24) == [Box(3 * TILE - 8, 5 * TILE - 21, 23, 24)]


def test_box_is_told_in_the_screen_s_coordinates():
    assert changed_boxes(mask(50, 40, Box(3, 4, 5, 6)), 1000, 500) == [Box(1003, 504, 5, 6)]


def test_distant_changes_do_not_make_one_box():
    boxes = changed_boxes(mask(1920, 1080, Box(0, 0, 1, 1), Box(1919, 1079, 1, 1)), 0, 0)
    assert sorted(boxes, key=lambda box: box.x) == [Box(0, 0, 1, 1), Box(1919, 1079, 1, 1)]


def test_large_change_is_cut_in_strips():
    boxes = changed_boxes(mask(3840, 2160, Box(0, 0, 3840, 2160)), 0, 0)
    assert len(boxes) > 1
    assert max(box.pixels for box in boxes) <= 256 * 1024
    assert sum(box.pixels for box in boxes) == 3840 * 2160


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 300), st.integers(1, 300), st.randoms())
def test_every_change_is_covered_once(x, y, width, height, chance):
    changed = np.zeros((height, width), bool)
    for _ in range(chance.randint(0, 12)):
        left, top = chance.randrange(width), chance.randrange(height)
        changed[top : top + chance.randint(1, 40), left : left + chance.randint(1, 40)] = True
    picture = covered(changed_boxes(changed, x, y), x, y, width, height)
    assert picture.max() <= 1
    assert (picture[changed] == 1).all()


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10)),
        (Box(90, 95, 20, 20), Box(90, 95, 10, 5)),
        (Box(100, 0, 5, 5), None),
        (Box(0, 200, 5, 5), None),
    ],
)
def test_boxes_are_clipped_to_the_display(box, clipped):
    assert box.clipped(100, 100) == clipped


def test_joined_boxes_hold_both():
    assert Box(10, 20, 5, 5).joined(Box(1, 40, 2, 2)) == Box(1, 20, 14, 22)


@pytest.mark.parametrize(
    "box", [Box(0, 0, 1920, 1080), Box(5, 63, 100, 2), Box(17, 100, 3840, 500), Box(0, 0, 1, 16384)]
)
def test_bands_cover_the_box_once_and_are_cut_along_the_grid(box: Box) -> None:
    found = list(bands(box))
    assert sum(band.height for band in found) == box.height
    assert all(one.y + one.height == other.y for one, other in pairwise(found))
    assert all(band.y % TILE == 0 for band in found[1:])
    assert {(band.x, band.width) for band in found} == {(box.x, box.width)}


def test_lines_that_differ_in_length_are_one_and_what_lies_far_apart_is_not():
    lines = [Box(0, row * 18, 300 + row % 3 * 40, 18) for row in range(20)]
    far = [Box(1000, 0, 50, 50), Box(1000, 900, 50, 50)]
    groups = together([*lines, *far])
    assert [(whole, len(pieces)) for whole, pieces in groups] == [
        (Box(0, 0, 380, 360), 20),
        (far[0], 1),
        (far[1], 1),
    ]


@given(
    st.lists(
        st.builds(Box, st.integers(0, 500), st.integers(0, 500), st.integers(1, 300), st.integers(1, 300)),
        max_size=12,
    )
)
def test_each_box_is_in_one_group_that_encloses_it_and_that_they_mostly_fill(boxes):
    groups = together(boxes)
    assert sorted(map(repr, (box for _, pieces in groups for box in pieces))) == sorted(map(repr, boxes))
    for whole, pieces in groups:
        assert all(box.shared(whole) == box for box in pieces)
        assert whole.pixels <= 1.5 * sum(box.pixels for box in pieces)
