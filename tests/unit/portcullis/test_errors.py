"""The error tree and its table of codes."""

from __future__ import annotations

import re

import pytest

from portcullis.errors import CODES, InvalidInput, PortcullisError, ProtocolError, Refused, Unavailable


@pytest.mark.parametrize("code", sorted(CODES))
def test_codes_and_messages_are_well_formed(code: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert CODES[code][0].isupper()
    assert CODES[code].endswith(".")


def test_a_code_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(LookupError):
        Refused("no_such_code")


def test_the_message_is_the_tables_unless_given() -> None:
    assert Refused("no_host").message == CODES["no_host"]
    assert Refused("no_host", "None serves it.").message == "None serves it."
    assert str(Refused("no_host")) == f"{CODES['no_host']} [no_host]"


def test_data_is_kept() -> None:
    assert Refused("no_host", reference="r1").data == {"reference": "r1"}
    assert Unavailable(retry_after_seconds=5).data == {"retry_after_seconds": 5}


def test_invalid_input_names_the_field() -> None:
    error = InvalidInput("name", "a text")
    assert (error.field, error.expected, error.code) == ("name", "a text", "invalid_field")
    assert error.data == {"field": "name", "expected": "a text"}
    assert str(error) == "name: expected a text [invalid_field]"


@pytest.mark.parametrize(
    "error", [Refused("no_host"), InvalidInput("a", "b"), ProtocolError("x"), Unavailable()]
)
def test_all_are_of_one_tree(error: PortcullisError) -> None:
    assert isinstance(error, PortcullisError)
    assert error.code in CODES
