"""An echo leaves alone, ahead of what is left of a large picture."""

import numpy as np

from agents.worker.damage import Box
from agents.worker.hybrid import HybridPicture
from portcullis.protocol.messages import Capabilities


def picture():
    pixels = np.zeros((400, 600), np.uint32)

    def view(box):
        return pixels[box.y : box.y + box.height, box.x : box.x + box.width]

    def read(box, into):
        into[:] = view(box)

    return HybridPicture(read, view, (600, 400), Capabilities(0xFFF, 0), frozenset())


def test_echo_is_taken_alone_and_the_rest_stays_for_the_next_frame():
    shown = picture()
    shown.pending = [Box(0, 100, 600, 100), Box(0, 200, 600, 200)]
    shown.drawn([Box(10, 10, 8, 14)])
    assert shown.has_fresh
    assert shown.take_pending(is_echo=True) == [Box(10, 10, 8, 14)]
    assert shown.pending == [Box(0, 100, 600, 100), Box(0, 200, 600, 200)]
    assert not shown.has_fresh


def test_without_an_echo_all_is_taken_in_turn():
    shown = picture()
    shown.pending = [Box(0, 100, 600, 100)]
    shown.drawn([Box(10, 10, 8, 14)])
    assert shown.take_pending() == [Box(0, 100, 600, 100), Box(10, 10, 8, 14)]
    assert shown.pending == []
