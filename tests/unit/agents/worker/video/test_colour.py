"""Pixels as planes: BT.601 of limited range, whatever the size, and edges that repeat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.worker.video import colour, libraries, swscale
from agents.worker.video.colour import Planes


def exactly(pixels: np.ndarray) -> np.ndarray:
    """Y, U and V by the standard's own numbers."""
    red, green, blue = ((pixels >> shift) & 0xFF for shift in (16, 8, 0))
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    first = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    second = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    return np.stack([luma, first, second])


@pytest.fixture(params=["Debian's", "a wheel's"], autouse=True)
def _library(request, monkeypatch):
    monkeypatch.setattr(libraries, "FROM_WHEEL", request.param == "a wheel's")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(16, 90), height=st.integers(16, 70), seed=st.integers(0, 2**32 - 1))
def test_each_pixel_of_full_colour_is_converted_to_a_level_or_two(width, height, seed):
    pixels = np.random.default_rng(seed).integers(0, 1 << 24, (height, width), dtype=np.uint32)
    planes = Planes(width, height, full_colour=True)
    planes.fill(pixels)
    found = np.stack([one.samples[:height, :width] for one in (planes.luma, *planes.chroma)])
    assert np.abs(found - exactly(pixels)).max() <= 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(16, 90), height=st.integers(16, 70), colour=st.integers(0, (1 << 32) - 1))
def test_what_lies_beyond_the_picture_repeats_its_edge(width, height, colour):
    planes = Planes(width, height, full_colour=False)
    planes.luma.samples[:] = 1  # what a larger picture left there
    planes.fill(np.full((height, width), colour, np.uint32))
    assert planes.width % 16 == planes.height % 16 == 0
    assert planes.width - width < 16 and planes.height - height < 16
    for plane, expected in zip((planes.luma, *planes.chroma), exactly(np.array([colour])), strict=True):
        assert np.abs(plane.samples - expected[0]).max() <= 2


def test_a_colour_of_4_2_0_is_the_mean_of_its_four_pixels():
    pixels = np.random.default_rng(3).integers(0, 1 << 24, (48, 64), dtype=np.uint32)
    planes = Planes(64, 48, full_colour=False)
    planes.fill(pixels)
    for plane, expected in zip(planes.chroma, exactly(pixels)[1:], strict=True):
        assert np.abs(plane.samples - expected.reshape(24, 2, 32, 2).mean((1, 3))).max() <= 2


def test_a_part_of_a_larger_screen_is_read_where_it_lies():
    screen = np.random.default_rng(1).integers(0, 1 << 24, (200, 300), dtype=np.uint32)
    part, copy = Planes(64, 48, full_colour=False), Planes(64, 48, full_colour=False)
    part.fill(screen[7:55, 13:77])
    copy.fill(screen[7:55, 13:77].copy())
    assert (part.luma.samples == copy.luma.samples).all()


def test_columns_that_do_not_lie_side_by_side_are_converted_all_the_same():
    screen = np.random.default_rng(2).integers(0, 1 << 24, (48, 128), dtype=np.uint32)
    strided, copy = Planes(64, 48, full_colour=False), Planes(64, 48, full_colour=False)
    strided.fill(screen[:, ::2])
    copy.fill(np.ascontiguousarray(screen[:, ::2]))
    assert (strided.luma.samples == copy.luma.samples).all()


def test_pixels_of_another_size_are_refused():
    with pytest.raises(ValueError, match="64"):
        Planes(64, 48, full_colour=False).fill(np.zeros((64, 48), np.uint32))


def test_without_the_library_there_are_no_planes(monkeypatch):
    monkeypatch.setattr(colour, "load", lambda *names, wheel: None)
    monkeypatch.setattr(swscale, "load", lambda *names, wheel: None)
    with pytest.raises(LookupError, match=r"libyuv|libswscale"):
        Planes(64, 48, full_colour=False)
