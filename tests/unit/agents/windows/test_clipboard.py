"""Text as Windows' clipboard has it."""

import pytest

from agents.windows.clipboard import stored, told
from portcullis.protocol.messages import MAXIMUM_CLIPBOARD_BYTES


@pytest.mark.parametrize("text", ["", "plain", "one\ntwo\n", "漢字 😀 é€", "\n\n"])
def test_what_is_stored_is_told_again(text):
    assert told(stored(text)) == text


def test_lines_end_as_windows_expects_and_each_once():
    assert stored("a\r\nb\nc").decode("utf-16-le") == "a\r\nb\r\nc\0"


def test_null_ends_no_text_early():
    assert told(stored("a\0b")) == "ab"


def test_what_follows_the_end_is_not_told():
    assert told("secret\0rest".encode("utf-16-le")) == "secret"


def test_text_without_an_end_is_told():
    assert told("whole".encode("utf-16-le")) == "whole"
    assert told(b"a\0b") == "a"


def test_half_a_character_is_replaced():
    assert told("😀".encode("utf-16-le")[:2]) == "\ufffd"


@pytest.mark.parametrize("character", ["x", "漢"])
def test_text_above_the_limit_is_not_told(character):
    longest = character * (MAXIMUM_CLIPBOARD_BYTES // len(character.encode()))
    assert told(stored(longest)) == longest
    assert told(stored(longest + character)) is None


def test_memory_much_larger_than_its_text_is_no_reason():
    assert told(stored("x") + b"\xff" * (3 * MAXIMUM_CLIPBOARD_BYTES)) == "x"
