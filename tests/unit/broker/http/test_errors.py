"""Errors as HTTP: every code has a status, and only what its reader may see leaves."""

from __future__ import annotations

import json

import pytest

from broker.http.errors import error_body, error_response, status_of
from portcullis.errors import CODES, InvalidInput, PortcullisError, Refused, Unavailable


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("invalid_request"), 400),
        (Refused("sign_in_refused"), 401),
        (Refused("signed_out"), 401),
        (Refused("token_refused"), 401),
        (Refused("signature_refused"), 401),
        (Refused("not_permitted"), 403),
        (Refused("origin_refused"), 403),
        (Refused("not_found"), 404),
        (Refused("session_ended"), 404),
        (Refused("reference_unknown"), 404),
        (Refused("host_full", reference="x"), 409),
        (Refused("not_entitled", reference="x"), 409),
        (Refused("already_exists"), 409),
        (Refused("session_not_ready"), 409),
        (Refused("taken_over"), 409),
        (InvalidInput("name", "a name"), 422),
        (Refused("sign_in_blocked"), 429),
        (Unavailable(), 503),
        (Unavailable("host_lost"), 503),
    ],
)
def test_statuses_are_those_of_the_api_page(error: PortcullisError, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_an_error_status_and_a_body(code: str) -> None:
    response = error_response(Refused(code))
    assert 400 <= response.status < 600
    assert json.loads(response.text or "") == {"error": {"code": code, "message": CODES[code]}}
    assert response.headers["Cache-Control"] == "no-store"


def test_the_reader_sees_field_expectation_and_reference_alone() -> None:
    assert error_body(InvalidInput("a.b", "a word"))["error"] == {
        "code": "invalid_field",
        "message": "a.b: expected a word",
        "field": "a.b",
        "expected": "a word",
    }
    assert error_body(Refused("host_full", reference="7f3a", host="secret"))["error"].keys() == {
        "code",
        "message",
        "reference",
    }


def test_a_blocked_sign_in_says_when_to_try_again() -> None:
    response = error_response(Refused("sign_in_blocked", retry_after_seconds=30))
    assert response.headers["Retry-After"] == "30"
    assert json.loads(response.text or "")["error"]["retry_after_seconds"] == 30
