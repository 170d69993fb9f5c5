"""The cache's slots hold what the viewer's hold, within their bounds; what is drawn is what was asked for."""

from collections import OrderedDict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.worker.cache import ALWAYS_KEPT_PIXELS, Place, TileCache
from portcullis.protocol.operations import CACHE_PIXELS, CACHE_SLOTS, MAXIMUM_CACHED_PIXELS


def tile(number, height=18, width=9):
    return np.random.default_rng(number).integers(0, 1 << 24, (height, width), np.uint32)


def test_a_letter_is_put_once_and_drawn_from_then_on():
    cache = TileCache()
    assert cache.place(tile(1)) == Place(0, False)
    assert cache.place(tile(2)) == Place(1, False)
    assert cache.place(tile(1)) == Place(0, True)
    assert cache.pixels == 2 * 18 * 9


def test_a_tile_of_another_shape_is_another():
    cache = TileCache()
    cache.place(tile(1, 18, 9))
    assert cache.place(tile(1, 18, 9).reshape(9, 18)) == Place(1, False)


def test_a_part_of_a_picture_is_known_by_its_pixels_alone():
    cache = TileCache()
    picture = tile(1, 100, 100)
    cache.place(picture[10:28, 20:29])
    assert cache.place(picture[10:28, 20:29].copy()).is_kept


def test_larger_tiles_are_kept_when_they_come_again():
    cache = TileCache()
    icon = tile(1, 64, 64)
    assert icon.size > ALWAYS_KEPT_PIXELS
    assert cache.place(icon) is None
    assert cache.place(icon) == Place(0, False)
    assert cache.place(icon) == Place(0, True)


def test_what_no_slot_takes_is_never_kept():
    cache = TileCache()
    page = tile(1, MAXIMUM_CACHED_PIXELS // 64 + 1, 64)
    assert [cache.place(page) for _ in range(3)] == [None] * 3


def test_a_spinner_does_not_push_out_the_alphabet():
    cache = TileCache()
    for letter in range(26):
        cache.place(tile(letter))
    for picture in range(3000):
        cache.place(tile(1000 + picture, 40, 40))
    assert all(cache.place(tile(letter)).is_kept for letter in range(26))


def test_the_least_recently_used_is_given_up_for_its_slot():
    cache = TileCache(slots=3)
    for number in range(3):
        cache.place(tile(number))
    assert cache.place(tile(0)).is_kept
    assert cache.place(tile(3)) == Place(1, False)
    assert cache.place(tile(0)).is_kept
    assert cache.place(tile(1)) == Place(2, False)


def test_a_forgotten_cache_begins_anew():
    cache = TileCache()
    cache.place(tile(1))
    cache.forget()
    assert cache.pixels == 0
    assert cache.place(tile(1)) == Place(0, False)


def test_the_bounds_are_the_protocol_s():
    cache = TileCache()
    for number in range(CACHE_SLOTS + 10):
        assert cache.place(tile(number, 1, 8)).slot < CACHE_SLOTS
    big = TileCache()
    for number in range(CACHE_PIXELS // MAXIMUM_CACHED_PIXELS + 10):
        big.place(tile(number, 128, 128))
        big.place(tile(number, 128, 128))
        assert big.pixels <= CACHE_PIXELS


class ViewerSlots:
    """The client's side of docs/protocol.md 1.2: what was used least recently goes when there are too many pixels."""

    def __init__(self, pixels):
        self.limit = pixels
        self.slots = OrderedDict()

    def put(self, slot, pixels):
        self.slots.pop(slot, None)
        self.slots[slot] = pixels
        while sum(kept.size for kept in self.slots.values()) > self.limit:
            self.slots.popitem(last=False)

    def draw(self, slot):
        self.slots.move_to_end(slot)
        return self.slots[slot]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.tuples(st.integers(0, 30), st.integers(1, 40), st.integers(1, 40)), st.none()),
        max_size=120,
    ),
    st.integers(1, 12),
    st.integers(1600, 6000),
)
def test_what_a_viewer_draws_is_what_was_asked_for(wishes, slots, pixels):
    cache, viewer = TileCache(slots, pixels), ViewerSlots(pixels)
    for wish in wishes:
        if wish is None:
            cache.forget()  # the viewer may keep what it likes
            continue
        wanted = tile(*wish)
        place = cache.place(wanted)
        assert cache.pixels <= pixels
        if place is None:
            continue
        assert place.slot < slots
        if not place.is_kept:
            viewer.put(place.slot, wanted)
        assert np.array_equal(viewer.draw(place.slot), wanted)
