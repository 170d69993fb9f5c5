"""What lies inside of a region is its stream's alone, whatever changes around it."""

from __future__ import annotations

import numpy as np

from agents.worker import regions
from agents.worker.damage import Box
from agents.worker.encoder import Encoded
from agents.worker.hybrid import HybridPicture
from portcullis.protocol.messages import Capabilities
from portcullis.protocol.operations import VIDEO_H264

WIDTH, HEIGHT = 600, 400
REGION = Box(200, 100, 200, 200)
LEFT, RIGHT = Box(0, 0, 200, HEIGHT), Box(400, 0, 200, HEIGHT)


def picture() -> tuple[HybridPicture, np.ndarray]:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint32)

    def view(box):
        return pixels[box.y : box.y + box.height, box.x : box.x + box.width]

    def read(box, into):
        into[:] = view(box)

    shown = HybridPicture(read, view, (WIDTH, HEIGHT), Capabilities(0xFFF, VIDEO_H264), frozenset({"h264"}))
    shown.encode([Box(0, 0, WIDTH, HEIGHT)], 1 << 20, 0.0, 1.0)
    return shown, pixels


def begin_region(shown: HybridPicture) -> None:
    """The last of the changes that make it one."""
    for number in range(regions.HOT_CHANGES):
        shown.drawn([REGION])
        shown.take_pending()
        shown.encoded(Encoded(photographs=[REGION]), 1 + number / 30)
    assert shown.has_regions


def test_changes_on_both_sides_of_a_region_are_not_joined_across_it():
    shown, pixels = picture()
    begin_region(shown)
    shown.drawn([LEFT, RIGHT])
    pixels[150:200, 150:200] = pixels[150:200, 400:450] = 0xABCDEF
    assert shown.is_small()
    assert shown.pending
    assert all(box.shared(REGION) is None for box in shown.pending)


def test_changes_without_a_region_between_them_are_looked_at_as_one():
    shown, pixels = picture()
    shown.drawn([LEFT, RIGHT])
    pixels[150:200, 150:200] = pixels[150:200, 400:450] = 0xABCDEF
    assert shown.is_small()
    assert shown.pending == [Box(150, 150, 300, 50)]


def test_what_was_drawn_while_a_region_began_is_its_streams_from_then_on():
    shown, _ = picture()
    for number in range(regions.HOT_CHANGES):
        shown.drawn([REGION])
        shown.take_pending()
        shown.drawn([REGION])  # while a thread encodes the first
        shown.encoded(Encoded(photographs=[REGION]), 1 + number / 30)
    shown.drawn([Box(0, 0, 8, 14)])
    assert all(box.shared(REGION) is None for box in shown.pending)
    assert shown.has_damaged_region
