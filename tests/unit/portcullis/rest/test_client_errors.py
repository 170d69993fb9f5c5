from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import InvalidInput, PortcullisError, Refused, Unavailable
from portcullis.rest.client import error_of


def answered(status: int, **error: object) -> PortcullisError:
    return error_of(status, json.dumps({"error": error}).encode(), "http://localhost:1")


def test_a_refusal_keeps_code_message_and_reference() -> None:
    error = answered(409, code="host_full", message="Full.", reference="7f3a")
    assert isinstance(error, Refused)
    assert (error.code, error.message, error.data) == ("host_full", "Full.", {"reference": "7f3a"})


def test_a_wrong_field_is_invalid_input() -> None:
    error = answered(422, code="invalid_field", message="x", field="name", expected="a name")
    assert isinstance(error, InvalidInput)
    assert (error.field, error.expected) == ("name", "a name")


def test_a_failing_service_is_unavailable() -> None:
    assert isinstance(answered(503, code="broker_unreachable", message="x"), Unavailable)


def test_a_code_of_a_newer_service_is_shown() -> None:
    error = answered(409, code="moon_phase", message="Wrong moon.")
    assert str(error) == "Wrong moon. [moon_phase] [internal_error]"


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", b'{"error": "x"}', b'{"error": null}', b"5"]
)
def test_another_programs_error_page_is_named_as_such(content: bytes) -> None:
    error = error_of(404, content, "http://localhost:1")
    assert "not Portcullis's (HTTP status 404)" in error.message


@given(st.binary(max_size=40), st.integers(300, 599))
def test_any_answer_becomes_an_error(content: bytes, status: int) -> None:
    assert isinstance(error_of(status, content, "x"), PortcullisError)
