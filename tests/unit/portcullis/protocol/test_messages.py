"""Every message: round trip, every prefix, random mutations, bounds."""

from dataclasses import FrozenInstanceError, fields
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import ProtocolError
from portcullis.protocol import messages as m
from portcullis.protocol import operations as o
from portcullis.protocol.body import Repeated
from portcullis.protocol.small_frames import SmallOperations, Varint
from portcullis.protocol.wire import MAXIMUM_TO_WORKER_BYTES, Boolean, Fixed, Integer, Remainder, Text


def field_values(annotation):
    codec = annotation.__metadata__[0]
    match codec:
        case Boolean():
            return st.booleans()
        case Integer():
            return st.integers(codec.lowest, codec.highest)
        case Fixed():
            return st.binary(min_size=codec.length, max_size=codec.length)
        case Text():
            characters = st.characters(exclude_categories=["Cs"])
            return st.text(characters, max_size=min(codec.maximum, 200) // 4)
        case Remainder():
            return st.binary(min_size=1, max_size=50)
        case Repeated():
            return st.lists(instances(m.Monitor), min_size=1, max_size=m.MAXIMUM_MONITORS).map(tuple)
        case Varint():
            return st.integers(codec.lowest, codec.highest)
        case SmallOperations():
            return st.lists(small_operations, max_size=4).map(tuple)
    return st.lists(operations, max_size=4).map(tuple)


def instances(cls):
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{field.name: field_values(hints[field.name]) for field in fields(cls)})


box_fields = {
    "x": st.integers(0, 65535),
    "y": st.integers(0, 65535),
    "width": st.integers(1, 128),
    "height": st.integers(1, 128),
}
data = st.binary(min_size=1, max_size=50)
cache_puts = st.builds(o.CachePut, **box_fields, slot=st.integers(0, o.CACHE_SLOTS - 1), data=data)
configurations = st.builds(
    o.VideoConfig,
    **box_fields,
    stream=st.integers(0, o.STREAMS - 1),
    colour=st.integers(1, 2),
    coded_width=st.integers(128, 65535),
    coded_height=st.integers(128, 65535),
    codec=st.text(st.characters(codec="ascii"), max_size=32),
)
unknown_operations = st.builds(o.UnknownOperation, st.integers(0x0D, 255), st.binary(max_size=20))
indexed_tiles = st.builds(
    o.TilePalette,
    **box_fields,
    first=st.integers(1, 255),
    rows=st.integers(1, 255),
    depth=st.sampled_from(o.DEPTHS),
    palettes=st.integers(1, o.MOST_PALETTES),
    data=st.binary(min_size=1, max_size=20),
)
SPECIAL = {o.CachePut: cache_puts, o.VideoConfig: configurations, o.TilePalette: indexed_tiles}
operations = st.one_of(
    unknown_operations, *(SPECIAL[cls] if cls in SPECIAL else instances(cls) for cls in o.OPERATIONS)
)
small_operations = st.one_of(
    cache_puts,
    indexed_tiles,
    *(instances(cls) for cls in (o.TileZstd, o.Fill, o.Move, o.CacheDraw, o.TileColumns, o.TileGrey)),
)
cursors = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda size: st.builds(
        m.Cursor,
        serial=st.integers(0, 2**32 - 1),
        hot_x=st.integers(0, 65535),
        hot_y=st.integers(0, 65535),
        width=st.just(size[0]),
        height=st.just(size[1]),
        rgba=st.binary(min_size=size[0] * size[1] * 4, max_size=size[0] * size[1] * 4),
    )
)
any_message = st.one_of(cursors, *(instances(cls) for cls in m.MESSAGES if cls is not m.Cursor))


@given(st.lists(any_message, min_size=1, max_size=4))
def test_messages_survive_the_wire(values):
    assert m.decode(m.encode(*values)) == values


@given(any_message, st.data())
def test_every_prefix_is_refused(value, data):
    encoded = m.encode(value)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(ProtocolError):
        m.decode(encoded[:cut])


@given(st.lists(any_message, min_size=1, max_size=3), st.data())
def test_mutated_bytes_give_messages_or_a_protocol_error(values, data):
    encoded = bytearray(m.encode(*values))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(encoded) - 1))
        encoded[position] = data.draw(st.integers(0, 255))
    try:
        decoded = m.decode(bytes(encoded))
    except ProtocolError:
        return
    assert all(isinstance(message, m.Message) for message in decoded)


@given(st.binary(max_size=300))
def test_any_bytes_give_messages_or_a_protocol_error(data):
    try:
        decoded = m.decode(data)
    except ProtocolError:
        return
    assert all(isinstance(message, m.Message) for message in decoded)


@given(any_message, st.binary(max_size=20))
def test_fields_of_a_later_version_are_ignored(value, later):
    body = value.encode_body() + later
    assert type(value).decode_body(body) == value


def test_a_full_clipboard_fits_the_bound_of_a_client_s_message():
    largest = m.encode(m.ClipboardText(1, "x" * m.MAXIMUM_CLIPBOARD_BYTES))
    assert len(largest) <= MAXIMUM_TO_WORKER_BYTES
    with pytest.raises(ProtocolError):
        m.encode(m.ClipboardText(1, "x" * (m.MAXIMUM_CLIPBOARD_BYTES + 1)))


def test_the_worker_s_way_to_make_a_frame_gives_the_codec_s_bytes():
    parts = [
        o.fill_operation(1, 2, 3, 4, b"\5\6\7"),
        o.tile_operation(8, 9, 10, 11, b"zstd"),
        o.columns_operation(8, 9, 10, 11, 1, 2, b"zstd"),
        o.grey_operation(8, 9, 10, 11, 1, 2, b"zstd"),
        o.palette_operation(9, 10, 11, 12, 1, 2, 4, 3, b"zstd"),
        o.jpeg_operation(8, 9, 10, 11, b"jpeg"),
        o.move_operation(1, 2, 3, 4, 5, 6),
        o.cache_put_operation(1, 2, 3, 4, 5, b"zstd"),
        o.cache_draw_operation(1, 2, 5),
        o.video_operation(15, b"unit", is_key=True),
        o.operation_bytes(o.VideoEnd(15)),
    ]
    values = (
        o.Fill(1, 2, 3, 4, 5, 6, 7),
        o.TileZstd(8, 9, 10, 11, b"zstd"),
        o.TileColumns(8, 9, 10, 11, 1, 2, b"zstd"),
        o.TileGrey(8, 9, 10, 11, 1, 2, b"zstd"),
        o.TilePalette(9, 10, 11, 12, 1, 2, 4, 3, b"zstd"),
        o.TileJpeg(8, 9, 10, 11, b"jpeg"),
        o.Move(1, 2, 3, 4, 5, 6),
        o.CachePut(1, 2, 3, 4, 5, b"zstd"),
        o.CacheDraw(1, 2, 5),
        o.Video(15, True, b"unit"),
        o.VideoEnd(15),
    )
    value = m.Frame(7, 3, 99, values)
    assert m.frame_payload(7, 3, 99, parts) == m.encode(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: o.CachePut(0, 0, 129, 128, 0, b"x"),
        lambda: o.VideoConfig(0, 1, 0, 0, 11, 10, 10, 10, "vp8"),
        lambda: o.VideoConfig(0, 1, 0, 0, 10, 11, 10, 10, "vp8"),
    ],
)
def test_an_operation_agrees_with_itself(make):
    with pytest.raises(ProtocolError):
        make()


def test_kinds_are_distinct():
    assert len({cls.KIND for cls in o.OPERATIONS}) == len(o.OPERATIONS)


def test_a_cursor_s_pixels_match_its_size():
    with pytest.raises(ProtocolError):
        m.Cursor(1, 0, 0, 2, 2, b"too few")


def test_types_are_distinct_and_messages_cannot_change():
    assert len({cls.TYPE for cls in m.MESSAGES}) == len(m.MESSAGES)
    with pytest.raises(FrozenInstanceError):
        m.Ping(1).id = 2


def test_secrets_and_clipboards_stay_out_of_reprs():
    assert "secret" not in repr(m.AdmitTicket("secret"))
    assert "secret" not in repr(m.ClipboardText(1, "secret"))
