"""What of a screen is new."""

import numpy as np

from agents.windows.picture import Picture, gathered
from agents.worker.damage import Box


def screen(width=1280, height=800):
    return np.random.default_rng(7).integers(0, 1 << 24, (height, width), np.uint32)


def covers(boxes, x, y):
    return any(box.x <= x < box.x + box.width and box.y <= y < box.y + box.height for box in boxes)


def test_the_same_picture_is_no_damage():
    first = screen()
    picture = Picture(first)
    assert picture.update(first.copy()) == []


def test_what_differs_is_damage_and_what_is_read_then():
    first = screen()
    picture = Picture(first)
    new = first.copy()
    new[100:110, 200:230] ^= 0xFFFFFF
    new[700, 1279] ^= 1
    boxes = picture.update(new)
    assert sum(box.pixels for box in boxes) <= 10 * 30 + 1
    for x, y in ((200, 100), (229, 109), (1279, 700)):
        assert covers(boxes, x, y)
    into = np.empty((800, 1280), np.uint32)
    picture.read(Box(0, 0, 1280, 800), into)
    assert (into == new).all()


def test_the_byte_that_means_nothing_is_neither_damage_nor_read():
    first = screen()
    picture = Picture(first)
    assert picture.update(first | np.uint32(0xFF000000)) == []
    into = np.empty((1, 1), np.uint32)
    picture.read(Box(3, 3, 1, 1), into)
    assert into[0, 0] == first[3, 3]


def test_the_picture_keeps_what_it_showed_whatever_becomes_of_the_memory_it_came_from():
    first = screen(64, 64)
    picture = Picture(first)
    before = first[5, 5]
    first[:] = 0
    assert picture.view(Box(5, 5, 1, 1))[0, 0] == before


def test_what_was_cut_off_meanwhile_is_black():
    picture = Picture(screen(64, 48))
    view = picture.view(Box(32, 32, 64, 64))
    assert view.shape == (64, 64)
    assert not view[16:].any()
    assert picture.view(Box(500, 500, 4, 4)).shape == (4, 4)


def test_many_boxes_become_few_that_hold_them_all():
    boxes = [Box(x * 97 % 1200, x * 61 % 700, 3, 3) for x in range(500)]
    few = gathered(boxes[:250], boxes[250:])
    assert len(few) <= 64
    assert all(covers(few, box.x, box.y) and covers(few, box.x + 2, box.y + 2) for box in boxes)
