"""Which way to the screen is taken."""

import numpy as np
import pytest

from agents.windows.capture import BACKENDS, open_backend
from agents.windows.graphics_capture import as_words
from agents.windows.uncapturable import Uncapturable


class Way:
    def __init__(self, name, frame):
        self.name = name
        self.frame = frame
        self.is_closed = False

    def grab(self, seconds):
        if isinstance(self.frame, Exception):
            raise self.frame
        return self.frame

    def close(self):
        self.is_closed = True


def refused(on_news):
    raise Uncapturable("no such thing here")


def test_the_first_way_that_gives_a_picture_is_taken():
    silent, broken = Way("silent", None), Way("broken", Uncapturable("lost"))
    good, spare = Way("good", np.ones((2, 2), np.uint32)), Way("spare", np.ones((2, 2), np.uint32))
    ways = [refused, *(lambda on_news, way=way: way for way in (silent, broken, good, spare))]
    backend, first = open_backend(lambda: None, ways)
    assert backend is good
    assert first.shape == (2, 2)
    assert silent.is_closed and broken.is_closed and not good.is_closed


def test_where_no_way_leads_the_reason_is_told():
    with pytest.raises(Uncapturable, match="no such thing"):
        open_backend(lambda: None, [refused])


def test_gdi_is_the_last_resort():
    assert [backend.name for backend in BACKENDS] == [
        "Windows.Graphics.Capture", "DXGI duplication", "GDI",
    ]  # fmt: skip


def test_rows_of_bytes_are_read_as_words_without_a_copy():
    rows = np.zeros((3, 5 * 4 + 8), np.uint8)  # a graphics card's rows are longer than the picture
    bgra = rows[:, :20].reshape(3, 5, 4)
    bgra[1, 2] = 0x33, 0x22, 0x11, 0xFF
    words = as_words(rows[:, :20].reshape(3, 5, 4))
    assert words.shape == (3, 5)
    assert words[1, 2] == 0xFF112233
    assert as_words(np.asfortranarray(bgra))[1, 2] == 0xFF112233
