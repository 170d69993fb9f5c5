"""Every pixel is its index's colour in its strip's palette, or there is no palette at all."""

import json

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.worker.palettes import PaletteFinder, are_many, strips_of, two_colours
from portcullis.protocol.operations import MOST_PALETTES, palette_operation
from tests.support.palette_vectors import PATH, digest
from tests.support.viewer import Viewer


@st.composite
def pages(draw):
    """Bands of rows, each of some colours of its own; and strips that know nothing of them."""
    width = draw(st.sampled_from((1, 3, 640)))
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    bands = []
    for _ in range(draw(st.integers(1, 4))):
        count = draw(st.sampled_from((1, 2, 3, 4, 5, 16, 17, 100, 256)))
        colours = generator.integers(0, draw(st.sampled_from((4, 1 << 8, 1 << 24))), count, np.uint32)
        bands.append(colours[generator.integers(0, count, (draw(st.integers(1, 90)), width))])
    rows = st.integers(1, 255)
    return np.concatenate(bands), (draw(rows), draw(rows))


def colours_of(found, strips):
    numbers = found.numbers if len(found.palettes) > 1 else [0] * len(found.indexes)
    drawn = np.empty(found.indexes.shape, np.uint32)
    for number, rows in zip(numbers, strips_of(len(drawn), strips), strict=False):
        drawn[rows] = found.palettes[number][found.indexes[rows]]
    return drawn


@settings(max_examples=60, deadline=None)
@given(st.lists(pages(), min_size=1, max_size=3))
def test_indexes_are_the_colours_and_a_tile_draws_them(found_pages):
    finder = PaletteFinder()
    for pixels, strips in found_pages:
        height, width = pixels.shape
        for found in (two_colours(pixels), finder.find(pixels, strips)):
            if found is None:
                continue
            assert (colours_of(found, strips) == pixels).all()
            assert all(len(set(palette.tolist())) == len(palette) for palette in found.palettes)
            viewer = Viewer(width, height)
            data = zstandard.compress(found.content(strips))
            viewer.draw(
                [palette_operation(0, 0, width, height, *strips, found.depth, len(found.palettes), data)]
            )
            assert viewer.differing(pixels) == 0


@settings(max_examples=40, deadline=None)
@given(pages())
def test_two_colours_are_found_exactly_where_there_are_no_more(page):
    pixels, _ = page
    assert (two_colours(pixels) is None) == (len(np.unique(pixels)) > 2)


@settings(max_examples=40, deadline=None)
@given(pages())
def test_a_palette_is_found_wherever_one_is_enough(page):
    pixels, strips = page
    if len(np.unique(pixels)) <= 256:
        assert PaletteFinder().find(pixels, strips) is not None


@pytest.mark.parametrize(
    ("count", "depth"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)]
)
def test_an_index_has_as_few_bits_as_its_colours_need(count, depth):
    pixels = (np.arange(80 * 64, dtype=np.uint32) * 7 % count * 0x010101).reshape(80, 64)
    assert PaletteFinder().find(pixels, (16, 16)).depth == depth


def test_black_is_found_although_an_empty_place_of_the_table_looks_like_it():
    finder = PaletteFinder()
    assert finder.find(np.full((20, 20), 0x123456, np.uint32), (16, 16)).palettes[0].tolist() == [0x123456]
    mixed = np.full((20, 20), 0x123456, np.uint32)
    mixed[19, 19] = 0
    assert (colours_of(finder.find(mixed, (16, 16)), (16, 16)) == mixed).all()


def test_each_ink_has_a_palette_and_comes_back_to_it():
    lines = [np.arange(200, dtype=np.uint32) * 0x0101 + ink for ink in (0, 0x400000, 0x800000)] * 6
    pixels = np.concatenate([np.tile(line, (16, 40)) for line in lines])
    found = PaletteFinder().find(pixels, (16, 16))
    assert len(found.palettes) == 3
    assert found.numbers == [0, 1, 2] * 6


def test_a_tile_never_has_more_palettes_than_the_wire_takes():
    lines = [np.arange(250, dtype=np.uint32) + (ink << 12) for ink in range(MOST_PALETTES + 1)]
    pixels = np.concatenate([np.tile(line, (16, 400)) for line in lines])
    assert PaletteFinder().find(pixels[16:], (16, 16)) is not None
    assert PaletteFinder().find(pixels, (16, 16)) is None


def test_noise_has_too_many_colours_at_a_glance_and_text_has_not():
    assert are_many(np.random.default_rng(1).integers(0, 1 << 24, (200, 300), np.uint32))
    assert not are_many(np.random.default_rng(1).integers(0, 250, (200, 300), np.uint32))


def test_what_was_given_back_is_asked_for_again():
    finder, pixels = PaletteFinder(), np.arange(900, dtype=np.uint32).reshape(30, 30) % 50
    before = finder.find(pixels, (9, 9))
    finder.rest()
    assert (finder.find(pixels, (9, 9)).indexes == before.indexes).all()


@pytest.mark.parametrize(
    "vector", json.loads(PATH.read_text(encoding="utf-8")), ids=lambda each: each["name"]
)
def test_the_vectors_show_what_they_say(vector):
    viewer = Viewer(vector["width"], vector["height"])
    viewer.draw([bytes.fromhex(vector["hex"])])
    words = viewer.picture.astype(np.uint32)
    assert digest(words[..., 0] << 16 | words[..., 1] << 8 | words[..., 2]) == vector["sha256"]


def test_the_vectors_hold_every_depth_and_several_palettes():
    heads = [bytes.fromhex(vector["hex"])[18:20] for vector in json.loads(PATH.read_text(encoding="utf-8"))]
    assert {head[0] for head in heads} == {1, 2, 4, 8}
    assert max(head[1] for head in heads) > 1
