"""Codes: RFC 6238's own vectors, what a code may look like, how far clocks may differ, and that a step counts once."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.identity import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW = 1_111_111_111.0
STEP = totp.step_at(NOW)


@pytest.mark.parametrize(
    ("time", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(time: int, code: str) -> None:
    assert totp.code_at(SECRET, totp.step_at(time)) == code


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_steps_beside_the_current_one_are_accepted(offset: int) -> None:
    code = totp.code_at(SECRET, STEP + offset)
    assert totp.accepted_step(SECRET, code, NOW, 0) == STEP + offset


@pytest.mark.parametrize("offset", [-100, -2, 2, 3])
def test_a_stale_or_early_code_is_refused(offset: int) -> None:
    assert totp.accepted_step(SECRET, totp.code_at(SECRET, STEP + offset), NOW, 0) is None


@pytest.mark.parametrize(("last", "accepted"), [(STEP - 1, True), (STEP, False), (STEP + 1, False)])
def test_a_step_counts_only_after_the_last_one(last: int, accepted: bool) -> None:
    found = totp.accepted_step(SECRET, totp.code_at(SECRET, STEP), NOW, last)
    assert (found == STEP) is accepted


def _written_in(digits: str) -> str:
    return totp.code_at(SECRET, STEP).translate({ord(str(n)): digits[n] for n in range(10)})


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        " 50471",
        "050471\n",
        "0504 71",
        "+50471",
        "05047١",
        _written_in("０１２３４５６７８９"),  # full width
        _written_in("٠١٢٣٤٥٦٧٨٩"),  # Arabic-Indic
        "\0" * 6,
    ],
)
def test_anything_but_six_ascii_digits_is_refused(code: str) -> None:
    assert totp.accepted_step(SECRET, code, NOW, 0) is None


@given(st.text(max_size=12))
def test_no_text_raises(code: str) -> None:
    assert totp.accepted_step(SECRET, code, NOW, 0) in (None, STEP - 1, STEP, STEP + 1)


@given(st.floats(min_value=0, max_value=4e9), st.integers(0, 200_000_000))
def test_an_accepted_step_is_near_and_new(now: float, last: int) -> None:
    step = totp.accepted_step(SECRET, totp.code_at(SECRET, totp.step_at(now)), now, last)
    assert step is None or (step > last and abs(step - totp.step_at(now)) <= 1)


def test_a_new_secret_has_160_bit_and_is_new() -> None:
    first, second = totp.new_secret(), totp.new_secret()
    assert len(base64.b32decode(first)) == 20
    assert first != second


def test_the_uri_names_user_and_tenant() -> None:
    uri = totp.provisioning_uri(SECRET, "ann lee", "Acme & Co")
    assert uri.startswith("otpauth://totp/Acme%20%26%20Co:ann%20lee?")
    assert f"secret={SECRET}" in uri


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_two_codes_in_turn_are_the_step_of_the_second(ahead: int) -> None:
    step = totp.step_at(NOW) + ahead
    codes = totp.code_at(SECRET, step - 1), totp.code_at(SECRET, step)
    assert totp.consecutive_step(SECRET, *codes, NOW) == step


@pytest.mark.parametrize(("first", "second"), [(-3, -2), (0, 0), (0, -1), (-1, 1), (1, 2)])
def test_other_pairs_of_codes_prove_nothing(first: int, second: int) -> None:
    step = totp.step_at(NOW)
    codes = totp.code_at(SECRET, step + first), totp.code_at(SECRET, step + second)
    assert totp.consecutive_step(SECRET, *codes, NOW) is None


@pytest.mark.parametrize("text", ["", "12345", "1234567", "１２３４５６", "abcdef"])
def test_what_is_no_code_proves_nothing(text: str) -> None:
    code = totp.code_at(SECRET, totp.step_at(NOW))
    assert totp.consecutive_step(SECRET, text, code, NOW) is None
    assert totp.consecutive_step(SECRET, code, text, NOW) is None
