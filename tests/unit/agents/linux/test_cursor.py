"""X's premultiplied ARGB becomes RGBA as browsers take it."""

import numpy as np

from agents.linux.cursor import cursor_image
from agents.worker.cursor_pictures import HIDDEN


def test_colours_are_divided_by_their_alpha():
    argb = np.array([[0xFF102030, 0x80402010], [0x00000000, 0x01010001]], np.uint32)
    image = cursor_image(7, 1, 0, argb)
    assert (image.serial, image.hot_x, image.hot_y, image.width, image.height) == (7, 1, 0, 2, 2)
    pixels = np.frombuffer(image.rgba, np.uint8).reshape(2, 2, 4).tolist()
    assert pixels == [[[0x10, 0x20, 0x30, 255], [128, 64, 32, 128]], [[0, 0, 0, 0], [255, 0, 255, 1]]]


def test_cursor_that_shows_nothing_is_the_hidden_one():
    assert cursor_image(7, 0, 0, np.zeros((16, 16), np.uint32)) == HIDDEN
    assert cursor_image(7, 0, 0, np.zeros((0, 0), np.uint32)) == HIDDEN


def test_large_cursor_is_thinned_out_to_what_the_wire_allows():
    image = cursor_image(7, 255, 10, np.full((256, 300), 0xFFFFFFFF, np.uint32))
    assert (image.width, image.height) == (100, 86)
    assert (image.hot_x, image.hot_y) == (85, 3)
    assert len(image.rgba) == 100 * 86 * 4


def test_hot_spot_lies_within_the_picture():
    image = cursor_image(7, 99, 99, np.full((8, 8), 0xFFFFFFFF, np.uint32))
    assert (image.hot_x, image.hot_y) == (7, 7)
