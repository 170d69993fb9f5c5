"""Every message: round trip, every prefix, random mutations, bounds."""

from dataclasses import FrozenInstanceError, fields
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import ProtocolError
from portcullis.protocol import messages as m
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
    return st.lists(operations, max_size=4).map(tuple)


def instances(cls):
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{field.name: field_values(hints[field.name]) for field in fields(cls)})


unknown_operations = st.builds(m.UnknownOperation, st.integers(3, 255), st.binary(max_size=20))
operations = st.one_of(instances(m.TileZstd), instances(m.Fill), unknown_operations)
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
    if any(isinstance(operation, m.TileZstd) for operation in getattr(value, "operations", ())):
        return
    body = value.encode_body() + later
    assert type(value).decode_body(body) == value


def test_a_full_clipboard_fits_the_bound_of_a_client_s_message():
    largest = m.encode(m.ClipboardText(1, "x" * m.MAXIMUM_CLIPBOARD_BYTES))
    assert len(largest) <= MAXIMUM_TO_WORKER_BYTES
    with pytest.raises(ProtocolError):
        m.encode(m.ClipboardText(1, "x" * (m.MAXIMUM_CLIPBOARD_BYTES + 1)))


def test_the_worker_s_way_to_make_a_frame_gives_the_codec_s_bytes():
    parts = [m.fill_operation(1, 2, 3, 4, b"\5\6\7"), m.tile_operation(8, 9, 10, 11, b"zstd")]
    value = m.Frame(7, 3, 99, (m.Fill(1, 2, 3, 4, 5, 6, 7), m.TileZstd(8, 9, 10, 11, b"zstd")))
    assert m.frame_payload(7, 3, 99, parts) == m.encode(value)


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
