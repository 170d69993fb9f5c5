"""Windows' cursors as pictures."""

import numpy as np

from agents.windows.cursor import cursor_image
from agents.worker.cursor_pictures import HIDDEN

WHITE, BLACK = 0xFFFFFF, 0


def words(*rows):
    return np.array(rows, np.uint32)


def pixels(image):
    return np.frombuffer(image.rgba, np.uint8).reshape(image.height, image.width, 4).tolist()


def test_colours_with_alpha_are_taken_as_they_are():
    image = cursor_image(1, 0, words([WHITE, BLACK]), words([0x80112233, 0xFF445566]))
    assert pixels(image) == [[[0x11, 0x22, 0x33, 0x80], [0x44, 0x55, 0x66, 0xFF]]]
    assert (image.hot_x, image.hot_y) == (1, 0)


def test_colours_without_alpha_are_cut_out_by_the_mask():
    image = cursor_image(0, 0, words([WHITE, BLACK]), words([0, 0x445566]))
    assert pixels(image) == [[[0, 0, 0, 0], [0x44, 0x55, 0x66, 0xFF]]]


def test_one_bit_is_black_white_or_nothing():
    mask = words([BLACK, BLACK, WHITE], [BLACK, WHITE, BLACK])  # below: black, white, through
    image = cursor_image(0, 0, mask, None)
    assert pixels(image) == [[[0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 0, 0]]]


def test_what_inverts_the_screen_is_black_with_a_white_edge():
    mask = np.full((6, 3), WHITE, np.uint32)
    mask[3:] = BLACK
    mask[4, 1] = WHITE  # through, and inverted
    image = cursor_image(1, 1, mask, None)
    shown = pixels(image)
    assert shown[1][1] == [0, 0, 0, 255]
    assert shown[0][0] == shown[1][0] == shown[2][2] == [255, 255, 255, 255]


def test_picture_that_shows_nothing_is_hidden():
    assert cursor_image(0, 0, np.full((2, 2), WHITE, np.uint32), np.zeros((2, 2), np.uint32)) == HIDDEN


def test_same_picture_has_the_same_serial_and_another_one_another():
    one = cursor_image(0, 0, words([BLACK]), words([0xFF000001]))
    assert one.serial == cursor_image(0, 0, words([BLACK]), words([0xFF000001])).serial != 0
    assert one.serial != cursor_image(0, 0, words([BLACK]), words([0xFF000002])).serial


def test_cursor_larger_than_the_wire_allows_is_thinned_out():
    image = cursor_image(
        255, 255, np.zeros((256, 256), np.uint32), np.full((256, 256), 0xFF112233, np.uint32)
    )
    assert (image.width, image.height) == (128, 128)
    assert (image.hot_x, image.hot_y) == (127, 127)
