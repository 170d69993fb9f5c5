"""Which passwords people may choose: lengths, no kinds of characters, nothing that guessing finds soon."""

from __future__ import annotations

import pytest

from broker.identity.password_rules import check_password
from portcullis.errors import InvalidInput

NAMES = ("ann.lee@example.org", "Acme")


def refusal(password: str, names: tuple[str, ...] = NAMES) -> str | None:
    try:
        check_password(password, names)
    except InvalidInput as exc:
        assert exc.field == "password"
        return exc.code
    return None


@pytest.mark.parametrize(
    "password",
    [
        "kd82hsqp",  # eight are enough: there is a second factor
        "three unlikely words",
        "wolken lampe siebzehn",
        "日本語のパスワードです",
        "только-для-меня",
        " spaces around ",
        "x7#Kq" * 60,  # as long as they like
        "a" * 3 + "Zebra umbrella 99" + "b" * 900,
    ],
)
def test_these_may_be_chosen(password: str) -> None:
    assert refusal(password) is None


@pytest.mark.parametrize("password", ["", "a", "kd82hsq", "日本語のパス"])
def test_fewer_than_eight_characters_are_too_few(password: str) -> None:
    assert refusal(password) == "password_short"


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "P@ssw0rd",
        "password123",
        "qwertzuiop",
        "12345678",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabc",
        "iloveyou2",
        "drowssap",
        "portcullis",
        "Portcullis1!",
        "ann.lee@example.org",
        "annlee2026!",
        "ACME-acme-acme",
        "example.7",
        "acme" * 20,
    ],
)
def test_these_are_easy_to_guess(password: str) -> None:
    assert refusal(password) == "password_guessable"


def test_a_name_within_a_long_password_does_no_harm() -> None:
    assert refusal("annapurna at sunset") is None
    assert refusal("violets for ann, monday") is None


def test_a_name_of_two_letters_is_no_word() -> None:
    assert refusal("kd82hsqp-li", ("li", "x")) is None


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_password("qwertzuiop", NAMES)
    assert "qwertzuiop" not in str(refused.value) + repr(refused.value.data)
