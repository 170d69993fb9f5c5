"""Strict JSON and fields: what is refused, by which code, and that nothing else is ever raised."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.http.body import Fields, parse_object
from portcullis.errors import InvalidInput, Refused

MALFORMED = [
    b"",
    b" ",
    b"null",
    b"[]",
    b'"text"',
    b"1",
    b"{",
    b"{}{}",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": 1, "a": 2}',
    b'{"a": {"b": 1, "b": 1}}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": 1e400}',
    b'{"a": -1e400}',
    b'{"a": "\xff"}',
    b'{"a": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"a": "\x00"}',
    b'{"a": 1' + b"0" * 5000 + b"}",
    b'\xef\xbb\xbf{"a": 1}',
    '{"a": 1}'.encode("utf-16"),
    b'{"a":' + b"[" * 100 + b"]" * 100 + b"}",
    b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    b"[" * 1_000_000,
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_json_is_one_refusal(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_object(body)
    assert refused.value.code == "invalid_request"


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0eE-\\u', max_size=60).map(str.encode))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    try:
        assert isinstance(parse_object(body), dict)
    except Refused as error:
        assert error.code == "invalid_request"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_json_of_ordinary_depth_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value).encode()) == value


def _field_of(taking: object) -> str:
    with pytest.raises(InvalidInput) as refused:
        taking()  # type: ignore[operator]
    return refused.value.field


@pytest.mark.parametrize("value", [None, 1, True, [], {}, "", "x" * 9, "a\0b"])
def test_a_text_is_a_string_in_its_bounds_without_nul(value: object) -> None:
    assert _field_of(lambda: Fields({"a": value}, "outer").text("a", "a word", longest=8)) == "outer.a"


@pytest.mark.parametrize("value", [None, "1", 1.0, True, 0, 11, 2**70])
def test_an_integer_is_no_truth_and_no_fraction(value: object) -> None:
    assert _field_of(lambda: Fields({"n": value}).integer("n", 1, 10)) == "n"


@pytest.mark.parametrize("value", [None, "1", True, 0, 10.5])
def test_a_number_lies_in_its_range(value: object) -> None:
    assert _field_of(lambda: Fields({"n": value}).number("n", 0.5, 10)) == "n"


@pytest.mark.parametrize("value", [None, 0, 1, "true"])
def test_a_flag_is_true_or_false(value: object) -> None:
    assert _field_of(lambda: Fields({"f": value}).flag("f", default=False)) == "f"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "l"),
        ("ab", "l"),
        ({}, "l"),
        ([], "l"),
        (["a"] * 4, "l"),
        (["a", 1], "l[1]"),
        (["a", ""], "l[1]"),
    ],
)
def test_a_list_names_the_item_that_is_wrong(value: object, field: str) -> None:
    fields = Fields({"l": value})
    assert _field_of(lambda: fields.texts("l", bool, "a word", least=1, most=3)) == field


def test_fields_that_nobody_knows_are_refused_by_name() -> None:
    fields = Fields({"known": "x", "__proto__": {}})
    fields.text("known", "a word", longest=8)
    assert _field_of(fields.finish) == "__proto__"
