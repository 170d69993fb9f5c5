"""Pointer, buttons and wheel as Windows' events."""

import pytest

from agents.windows.pointing import Pointing, absolute
from agents.windows.strokes import MouseEvent
from agents.worker.damage import Box


def pointing(is_swapped=False):
    events = []
    return events, Pointing(events.append, lambda: Box(-1920, 0, 3840, 1080), lambda: is_swapped)


@pytest.mark.parametrize("side", [1, 2, 64, 799, 800, 1280, 1366, 1920, 3840, 7680, 16384])
def test_every_pixel_is_hit_however_windows_rounds(side):
    for position in range(side):
        sent = absolute(position, side)
        assert sent * side // 65536 == position  # as Wine and Windows document it
        assert int(sent * side / 65535) == position  # as others do
        assert 0 <= sent <= 65535


def test_what_lies_outside_is_moved_to_the_edge():
    assert absolute(5000, 800) == absolute(799, 800)
    assert absolute(-5, 800) == absolute(0, 800)


def test_pointer_moves_over_the_virtual_screen():
    events, pointer = pointing()
    pointer.move(0, 0)
    assert events == [MouseEvent(0xC001, absolute(0, 3840), absolute(0, 1080))]


def test_exactly_the_buttons_that_are_said_are_down():
    events, pointer = pointing()
    pointer.press(0b00001)
    pointer.press(0b11110)
    pointer.press(0b11110)
    assert [(event.flags, event.data) for event in events] == [
        (0x2, 0), (0x4, 0), (0x8, 0), (0x20, 0), (0x80, 1), (0x80, 2),
    ]  # fmt: skip
    events.clear()
    pointer.release()
    assert [(event.flags, event.data) for event in events] == [(0x10, 0), (0x40, 0), (0x100, 1), (0x100, 2)]


def test_primary_button_is_the_right_one_of_a_swapped_mouse():
    events, pointer = pointing(is_swapped=True)
    pointer.press(1)
    assert events == [MouseEvent(0x8)]


def test_button_is_released_as_it_was_pressed_though_it_was_swapped_meanwhile():
    is_swapped = [False]
    events = []
    pointer = Pointing(events.append, lambda: Box(0, 0, 100, 100), lambda: is_swapped[0])
    pointer.press(1)
    is_swapped[0] = True
    pointer.press(0)
    assert [event.flags for event in events] == [0x2, 0x4]


@pytest.mark.parametrize(
    ("delta", "event"),
    [
        ((0, 120), MouseEvent(0x0800, data=-120)),
        ((0, -7), MouseEvent(0x0800, data=7)),
        ((120, 0), MouseEvent(0x1000, data=120)),
        ((-32768, 0), MouseEvent(0x1000, data=-3840)),
    ],
)
def test_wheel_turns_down_and_right_as_the_browser_says(delta, event):
    events, pointer = pointing()
    pointer.scroll(*delta)
    assert events == [event]
