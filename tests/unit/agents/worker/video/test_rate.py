"""The quantiser of each picture, against pictures whose bytes halve with every six steps."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.worker.video.rate import COARSEST, Rate

FULL_HD = 1920 * 1080


def film(
    rate: Rate, weights: list[float], *, quality: float = 1.0, interval: float = 1 / 60
) -> list[tuple[int, int]]:
    """Quantiser and bytes of each picture; a weight is the bytes at quantiser 0. The first is a key frame."""
    sent = []
    for number, weight in enumerate(weights):
        quantiser = rate.quantiser(quality, is_key=number == 0, now=number * interval)
        size = int(weight * 2 ** (-quantiser / 6))
        rate.sent(size, quantiser, is_key=number == 0)
        sent.append((quantiser, size))
    return sent


def new(pixels: int = FULL_HD) -> Rate:
    return Rate(pixels, 0.0)


def test_pictures_that_fit_have_one_quality():
    sent = film(new(), [2_000_000.0] + [100_000.0] * 100)
    assert {quantiser for quantiser, _ in sent[1:]} == {22}


def test_the_worst_quality_is_coarser_and_a_small_region_finer():
    assert film(new(), [1e5] * 3, quality=0.0)[-1][0] == 34
    assert film(new(100_000), [1e5] * 3)[-1][0] == 20


def test_a_key_frame_is_coarser_than_what_follows_it():
    sent = film(new(), [1e5] * 2)
    assert sent[0][0] > sent[1][0]


def test_pictures_too_large_for_the_rate_are_made_to_fit_it():
    sent = film(new(), [8_000_000.0] + [600_000.0] * 300)
    bytes_per_second = sum(size for _, size in sent[-120:]) / 2
    assert bytes_per_second < 1.02 * new().bytes_per_second(1.0)
    assert sent[-1][0] > 22


def test_a_film_of_24_pictures_a_second_gets_larger_ones():
    heavy = [8_000_000.0] + [600_000.0] * 100
    assert film(new(), heavy, interval=1 / 24)[-1][1] > 2 * film(new(), heavy)[-1][1]


def test_quality_comes_back_step_by_step_after_a_cut():
    sent = film(new(), [8e6] + [6e5] * 100 + [1e7] + [5e4] * 100)
    steps = [after - before for (before, _), (after, _) in itertools.pairwise(sent[101:])]
    assert min(steps) == -1 and sent[-1][0] == 22


@settings(max_examples=40)
@given(
    weights=st.lists(st.floats(1e3, 3e7), min_size=2, max_size=200),
    quality=st.floats(0, 1),
    interval=st.floats(0.001, 0.2),
    pixels=st.integers(256, 8192 * 8192),
)
def test_any_film_has_quantisers_that_x264_takes(weights, quality, interval, pixels):
    rate = new(pixels)
    assert all(
        15 <= quantiser <= COARSEST
        for quantiser, _ in film(rate, weights, quality=quality, interval=interval)
    )


@settings(max_examples=40)
@given(weights=st.lists(st.floats(1e5, 2e6), min_size=60, max_size=240), quality=st.floats(0.3, 1))
def test_a_film_stays_within_its_rate_but_for_the_bucket(weights, quality):
    rate = new()
    sent = film(rate, weights, quality=quality)
    allowed = rate.bytes_per_second(quality) * (len(weights) / 60 + 0.4)
    coarsest = [size for quantiser, size in sent if quantiser == COARSEST]
    largest_surprise = max(weights) * 2 ** (-sent[0][0] / 6)  # a picture of which nothing was known before
    assert sum(size for _, size in sent) <= allowed + sum(coarsest) + 12 * largest_surprise


def test_a_clock_that_stands_still_or_goes_back_fills_the_bucket_alone():
    rate = new()
    for _ in range(200):
        rate.sent(100_000, rate.quantiser(1.0, is_key=False, now=-5.0), is_key=False)
    assert rate.quantiser(1.0, is_key=False, now=-5.0) == COARSEST


def test_full_colour_is_coarser_as_long_as_it_is_not_small():
    full = Rate(FULL_HD // 2, 0.0, full_colour=True)
    assert film(full, [1e5] * 3)[-1][0] == film(new(FULL_HD // 2), [1e5] * 3)[-1][0] + 3
