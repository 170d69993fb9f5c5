"""When a part of the screen becomes video, how large it is, and when it is no more."""

import pytest

from agents.worker.damage import Box
from agents.worker.regions import MOST_REGIONS, Regions

SIZE = 1280, 720
FILM = Box(101, 51, 321, 241)
ALIGNED = Box(100, 50, 322, 242)
STEP = 1 / 60


def change(regions: Regions, *boxes: Box, times: int, start: float = 10.0, step: float = STEP) -> float:
    for number in range(times):
        regions.photographs(boxes, start + number * step)
    return start + times * step


@pytest.fixture
def regions():
    return Regions(*SIZE)


def test_four_changes_in_half_a_second_start_a_region(regions):
    change(regions, FILM, times=3)
    assert regions.live == []
    change(regions, FILM, times=1, start=10.4)
    assert regions.boxes == [ALIGNED]


def test_slow_changes_start_none(regions):
    change(regions, FILM, times=20, step=0.2)
    assert regions.live == []


def test_what_was_drawn_once_around_it_is_no_part_of_it(regions):
    regions.photographs([Box(0, 0, *SIZE)], 9.99)
    change(regions, FILM, times=4)
    assert regions.boxes == [ALIGNED]


def test_small_or_thin_boxes_stay_tiles(regions):
    change(regions, Box(10, 10, 90, 90), Box(300, 10, 900, 20), times=30)
    assert regions.live == []


def test_scattered_changes_stay_tiles(regions):
    ring = Box(0, 0, 1280, 64), Box(0, 656, 1280, 64), Box(0, 0, 64, 720), Box(1216, 0, 64, 720)
    change(regions, *ring, times=30)
    assert regions.live == []


def test_a_region_ends_where_an_odd_screen_ends():
    regions = Regions(641, 361)
    change(regions, Box(0, 0, 641, 361), times=4)
    assert regions.boxes == [Box(0, 0, 641, 361)]


def test_what_plays_beside_a_region_joins_it(regions):
    now = change(regions, FILM, times=4)
    beside = Box(422, 51, 100, 241)
    now = change(regions, beside, times=2, start=now + 1)
    assert regions.boxes == [Box(100, 50, 422, 242)]


def test_region_does_not_grow_twice_in_a_moment(regions):
    now = change(regions, FILM, times=4)
    now = change(regions, Box(422, 51, 100, 241), times=2, start=now)
    assert regions.boxes == [ALIGNED]


def test_regions_that_meet_become_one(regions):
    others = Box(100, 100, 200, 200), Box(420, 100, 200, 200)
    now = change(regions, *others, times=4)
    assert len(regions.live) == 2
    change(regions, Box(300, 100, 120, 200), times=4, start=now + 1)
    assert [region.box for region in regions.live if not region.is_over] == [Box(100, 100, 520, 200)]
    assert sum(region.is_over for region in regions.live) == 1


def test_there_are_only_so_many_regions(regions):
    boxes = [Box(x, y, 128, 128) for x in range(0, 1280, 256) for y in (0, 256, 512)]
    change(regions, *boxes, times=10)
    assert len(regions.live) == MOST_REGIONS
    assert sorted(region.stream for region in regions.live) == list(range(MOST_REGIONS))


def test_stream_of_an_ended_region_is_free_again_and_its_tiles_are_cold(regions):
    now = change(regions, FILM, times=4)
    (region,) = regions.live
    regions.end(region)
    now = change(regions, FILM, times=3, start=now)
    assert regions.live == []
    change(regions, FILM, times=1, start=now)
    assert regions.live[0].stream == region.stream


def test_region_rests_when_nothing_changed_and_nothing_was_drawn(regions):
    now = change(regions, FILM, times=4)
    (region,) = regions.live
    region.changed(ALIGNED, now)
    assert region.rests_at() == pytest.approx(now + 0.3)
    regions.drawn([Box(0, 0, 102, 52)])
    assert region.rests_at() > now + 1e6


def test_region_of_which_a_part_plays_becomes_smaller(regions):
    now = change(regions, Box(0, 0, *SIZE), times=4)
    (region,) = regions.live
    sizes = []
    for number in range(200):
        region.changed(FILM, now + number * STEP)
        used = region.smaller(now + number * STEP)
        if used is not None:
            sizes.append((round(number * STEP, 1), used))
            regions.shrink(region, used, now)
    assert sizes == [(1.0, FILM)]
    assert region.box == ALIGNED


def test_pieces_outside_of_regions(regions):
    change(regions, FILM, times=4)
    parts = regions.outside([Box(0, 0, *SIZE)])
    assert sum(part.pixels for part in parts) == SIZE[0] * SIZE[1] - ALIGNED.pixels
    assert all(part.shared(ALIGNED) is None for part in parts)
