"""Framing and field codecs: a value or a ProtocolError, never anything else."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import ProtocolError
from portcullis.protocol.wire import Boolean, Fixed, Integer, Reader, Remainder, Text, pack_header, split


def framed(kind: int, body: bytes) -> bytes:
    return pack_header(kind, len(body)) + body


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), min_size=1, max_size=20))
def test_what_is_joined_is_split_again(pairs):
    assert list(split(b"".join(framed(kind, body) for kind, body in pairs))) == pairs


@given(st.binary(max_size=200))
def test_splitting_any_bytes_gives_pairs_or_a_protocol_error(data):
    try:
        pairs = list(split(data))
    except ProtocolError:
        return
    assert sum(8 + len(body) for _, body in pairs) == len(data)


def test_nothing_is_no_message():
    with pytest.raises(ProtocolError):
        list(split(b""))


def test_a_message_more_than_the_maximum_is_refused():
    assert len(list(split(framed(1, b"") * 3, maximum_messages=3))) == 3
    with pytest.raises(ProtocolError):
        list(split(framed(1, b"") * 4, maximum_messages=3))


@pytest.mark.parametrize(
    ("form", "low", "high"),
    [("B", 0, 255), ("H", 0, 65535), ("h", -32768, 32767), ("I", 0, 2**32 - 1), ("Q", 0, 2**64 - 1)],
)
def test_integer_holds_its_whole_range_and_no_more(form, low, high):
    codec = Integer(form)
    for value in (low, high):
        assert codec.decode(Reader(codec.encode(value)), {}) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ProtocolError):
            codec.encode(value)


def test_integer_with_bounds_refuses_what_lies_outside_on_both_ways():
    codec = Integer("H", 1, 128)
    for value in (0, 129):
        with pytest.raises(ProtocolError):
            codec.encode(value)
        with pytest.raises(ProtocolError):
            codec.decode(Reader(struct.pack("<H", value)), {})


def test_boolean_is_zero_or_one():
    assert [Boolean().decode(Reader(bytes([value])), {}) for value in (0, 1)] == [False, True]
    with pytest.raises(ProtocolError):
        Boolean().decode(Reader(b"\2"), {})


@given(st.text(max_size=60))
def test_text_is_bounded_in_bytes_not_characters(text):
    codec = Text("B", 40)
    try:
        data = codec.encode(text)
    except ProtocolError:
        assert len(text.encode("utf-8", "surrogatepass")) > 40 or any("\ud800" <= c <= "\udfff" for c in text)
        return
    assert codec.decode(Reader(data), {}) == text


def test_text_that_is_not_unicode_is_refused_when_sent():
    with pytest.raises(ProtocolError):
        Text("H", 40).encode("\ud800")


def test_fixed_and_remainder_know_their_length():
    with pytest.raises(ProtocolError):
        Fixed(4).encode(b"abc")
    with pytest.raises(ProtocolError):
        Fixed(4).decode(Reader(b"abc"), {})
    with pytest.raises(ProtocolError):
        Remainder().decode(Reader(b""), {})
    assert Remainder().decode(Reader(b"abc"), {}) == b"abc"
