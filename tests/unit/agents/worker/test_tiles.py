"""Every tile is drawn to exactly its pixels, whatever the client draws; text costs few bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.worker.damage import Box
from agents.worker.tiles import TileEncoder, greys_of, lines_of
from portcullis.protocol import operations as o
from portcullis.protocol.small_frames import small_frame_payload
from tests.support.viewer import Viewer

CACHE = 1 << o.CachePut.KIND | 1 << o.CacheDraw.KIND
COLUMNS = 1 << o.TileColumns.KIND
GREY = 1 << o.TileGrey.KIND
PALETTE = 1 << o.TilePalette.KIND


def text(height, width, line=18, top=5, seed=1):
    """Lines of anti-aliased letters of an alphabet."""
    generator = np.random.default_rng(seed)
    shades = generator.integers(0, 256, (26, line - 5, 7), np.uint32)
    alphabet = np.where(generator.random(shades.shape) < 0.5, 0xFFFFFF, shades * 0x010101)
    page = np.full((height + line, width + 9), 0xFFFFFF, np.uint32)
    for y in range(top, height, line):
        for x in range(0, width, 9):
            page[y : y + line - 5, x : x + 7] = alphabet[generator.integers(26)]
    return np.ascontiguousarray(page[:height, :width])


@st.composite
def pictures(draw):
    height, width = draw(st.integers(1, 130)), draw(st.integers(1, 130))
    colours = draw(st.sampled_from((1, 2, 5, 1 << 24)))
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    palette = generator.integers(0, 1 << 24, colours, np.uint32)
    if draw(st.booleans()):
        return text(height, width, draw(st.integers(8, 40)), draw(st.integers(0, 20)))
    return palette[generator.integers(0, colours, (height, width))]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(pictures(), st.integers(0, 30), st.integers(0, 30)), max_size=3),
    st.sampled_from(
        (0, COLUMNS, CACHE, CACHE | COLUMNS, GREY, PALETTE, CACHE | COLUMNS | GREY, CACHE | COLUMNS | PALETTE)
    ),
)
def test_every_tile_is_drawn_exactly(tiles, draws):
    encoder, viewer = TileEncoder(draws), Viewer(200, 200)
    for pixels, x, y in tiles * 3:
        height, width = pixels.shape
        viewer.draw([encoder.encode(pixels, Box(x, y, width, height))])
        assert viewer.picture[y : y + height, x : x + width].tobytes() == as_rgb(pixels)
    allowed = {"tile_zstd", "fill"}
    allowed |= {"cache_put", "cache_draw"} if draws & CACHE else set()
    allowed |= {"tile_columns"} if draws & COLUMNS else set()
    allowed |= {"tile_grey"} if draws & GREY else set()
    allowed |= {"tile_palette"} if draws & PALETTE else set()
    assert set(viewer.drawn) <= allowed


def as_rgb(pixels):
    return np.stack([pixels >> shift & 255 for shift in (16, 8, 0)], axis=2).astype(np.uint8).tobytes()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 60), st.integers(1, 255), st.integers(1, 255))
def test_strips_of_any_height_hold_every_pixel(height, width, first, rows):
    pixels = text(height, width)
    encoder, viewer = TileEncoder(COLUMNS), Viewer(width, height)
    data = encoder._strips.compress(encoder._as_rgb(encoder._turn(pixels, first, rows)).data)
    viewer.draw([o.columns_operation(0, 0, width, height, first, rows, data)])
    assert viewer.differing(pixels) == 0
    greys = encoder._strips.compress(encoder._turn(greys_of(pixels), first, rows).data)
    viewer.draw([o.fill_operation(0, 0, width, height, b"\1\2\3")])
    viewer.draw([o.grey_operation(0, 0, width, height, first, rows, greys)])
    assert viewer.differing(pixels) == 0


def test_what_has_one_coloured_pixel_is_not_of_greys():
    pixels = text(100, 60)
    assert (greys_of(pixels) * np.uint32(0x010101) == pixels).all()
    for at in ((0, 0), (99, 59), (50, 30)):
        coloured = pixels.copy()
        coloured[at] ^= 0x010000
        assert greys_of(coloured) is None


def test_a_page_of_greys_costs_less_than_one_of_three_colours():
    pixels = text(360, 640)
    box = Box(0, 0, 640, 360)
    by_columns = len(TileEncoder(COLUMNS).encode(pixels, box))
    assert len(TileEncoder(COLUMNS | GREY).encode(pixels, box)) < 0.8 * by_columns
    coloured = pixels | 0x010000  # of hardly any other shade, and no grey
    assert TileEncoder(COLUMNS | GREY).encode(coloured, box)[0] == o.TileColumns.KIND


def test_a_page_of_two_tinted_colours_costs_a_quarter_of_what_greys_cost():
    ink = text(360, 640) < 0x800000
    box = Box(0, 0, 640, 360)
    grey = len(TileEncoder(COLUMNS | GREY).encode(np.where(ink, np.uint32(0), np.uint32(0xFFFFFF)), box))
    tinted = np.where(ink, np.uint32(0x203040), np.uint32(0xFCFCFA))
    assert len(TileEncoder(COLUMNS | GREY | PALETTE).encode(tinted, box)) < grey / 4


def test_a_page_of_a_tinted_ink_costs_less_than_its_colours_do():
    pixels = text(360, 640) | 0x010000
    box = Box(0, 0, 640, 360)
    by_columns = len(TileEncoder(COLUMNS | GREY).encode(pixels, box))
    indexed = TileEncoder(COLUMNS | GREY | PALETTE).encode(pixels, box)
    assert indexed[0] == o.TilePalette.KIND
    assert len(indexed) < 0.8 * by_columns


def test_without_capabilities_a_box_is_what_it_always_was():
    pixels = text(300, 400)
    box = Box(0, 0, 400, 300)
    assert TileEncoder().encode(pixels, box)[0] == o.TileZstd.KIND
    assert TileEncoder().encode(pixels[:18, :9], Box(0, 0, 9, 18))[0] == o.TileZstd.KIND


def test_a_page_of_text_costs_less_than_half_by_columns():
    pixels = text(360, 640)
    box = Box(0, 0, 640, 360)
    assert len(TileEncoder(COLUMNS).encode(pixels, box)) < 0.5 * len(TileEncoder().encode(pixels, box))


def test_a_letter_that_came_before_is_at_most_twenty_bytes_in_all():
    encoder = TileEncoder(CACHE)
    letter = text(18, 9, top=0)
    encoder.encode(letter, Box(100, 50, 9, 18))
    again = encoder.encode(letter, Box(1500, 900, 9, 18))
    assert again[0] == o.CacheDraw.KIND
    assert len(small_frame_payload(20_000, 300, [again])) <= 20


def test_a_forgotten_cache_is_filled_again():
    encoder = TileEncoder(CACHE)
    letter, box = text(18, 9, top=0), Box(0, 0, 9, 18)
    encoder.encode(letter, box)
    encoder.forget()
    assert encoder.encode(letter, box)[0] == o.CachePut.KIND


@pytest.mark.parametrize("line", [12, 18, 31])
@pytest.mark.parametrize("top", [0, 3, 11])
def test_lines_are_cut_where_there_is_no_ink(line, top):
    pixels = text(line * 8, 300, line, top)
    first, rows = lines_of(pixels)
    assert rows == line
    cuts = np.arange(first, line * 8, rows)
    assert (pixels[cuts] == 0xFFFFFF).all()


def test_what_has_no_lines_has_none():
    assert lines_of(np.random.default_rng(1).integers(0, 1 << 24, (200, 300), np.uint32)) is None
    assert lines_of(np.zeros((200, 300), np.uint32)) is None
    assert lines_of(text(20, 300)) is None
    assert lines_of(np.zeros((200, 1), np.uint32)) is None
