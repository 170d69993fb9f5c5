"""Recovery codes: how many, how strong, and how they may be typed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.identity import recovery_codes, totp
from broker.identity.recovery_codes import ALPHABET, COUNT, hash_of, new_codes

CODE = "abcdef-ghijkm-npqrst-uvwxyz"


def test_ten_are_made_of_at_least_112_bit_each() -> None:
    codes = new_codes()
    assert len(set(codes)) == COUNT == 10
    for code in codes:
        signs = code.replace("-", "")
        assert set(signs) <= set(ALPHABET)
        assert len(signs) * math.log2(len(set(ALPHABET))) >= 112


@pytest.mark.parametrize(
    "typed",
    [CODE.upper(), CODE.replace("-", ""), CODE.replace("-", " "), f"  {CODE}\n", CODE.replace("-", " - ")],
)
def test_case_spaces_and_dashes_do_not_count(typed: str) -> None:
    assert hash_of(typed) == hash_of(CODE)


@pytest.mark.parametrize(
    "typed", ["", "-", "123456", CODE[:-1], CODE + "a", CODE.replace("a", "0"), "ａ" * 24, "ſ" * 24]
)
def test_what_can_be_no_code_has_no_hash(typed: str) -> None:
    assert hash_of(typed) is None


def test_the_hash_does_not_hold_the_code() -> None:
    assert CODE.replace("-", "") not in (hash_of(CODE) or "")
    assert len(hash_of(CODE) or "") == 64


@given(st.text(max_size=64))
def test_any_text_is_a_verification_code_a_recovery_code_or_neither(text: str) -> None:
    assert not (totp.has_shape(text) and recovery_codes.hash_of(text))
