"""What a shortcut means on keyboards of every script."""

import pytest

from agents.worker.keys import letters_of, shortcut_letter


@pytest.mark.parametrize(
    ("text", "code", "letter"),
    [
        ("с", "KeyC", "c"),
        ("C", "KeyC", "c"),
        ("q", "KeyA", "q"),
        ("ö", "Semicolon", "ö"),
        ("!", "Digit1", "!"),
        ("é", "KeyW", "é"),
        ("ı", "KeyI", "i"),
        ("ı", "KeyR", "i"),
        ("ש", "KeyA", "a"),
        ("ツ", "", "ツ"),
    ],
)
def test_shortcut_means_the_letter_that_applications_know(text, code, letter):
    assert shortcut_letter(text, code) == letter


@pytest.mark.parametrize(
    ("text", "letters"), [("\ufefb", "لا"), ("\ufef5", "لآ"), ("ل", "ل"), ("﷼", "﷼"), ("", "")]
)
def test_lam_with_alif_is_two_letters_and_nothing_else_is_taken_apart(text, letters):
    assert letters_of(text) == letters
