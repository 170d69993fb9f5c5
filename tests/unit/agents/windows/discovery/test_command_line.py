"""Arguments of links, as Windows programs would read them."""

from __future__ import annotations

from subprocess import list2cmdline

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.windows.discovery.command_line import arguments_of


@given(st.lists(st.text(alphabet='ab\\" \té', max_size=6)))
def test_what_is_put_together_comes_apart_again(arguments: list[str]) -> None:
    assert arguments_of(list2cmdline(arguments)) == arguments


@given(st.text(alphabet='a\\" \t'))
def test_anything_can_be_taken_apart(line: str) -> None:
    assert all('"' not in word or "\\" in line or '""' in line for word in arguments_of(line))


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("", []),
        (" \t ", []),
        ('""', [""]),
        (r"a\\\b d", [r"a\\\b", "d"]),
        (r"a\\\"b c", [r"a\"b", "c"]),
        (r'"C:\Program Files\x\\" /y', ["C:\\Program Files\\x\\", "/y"]),
        ('"say ""so"""', ['say "so"']),
        ('-o"a b"c', ["-oa bc"]),
        ('"never closed', ["never closed"]),
    ],
)
def test_marks_and_backslashes_are_read_as_the_c_runtime_does(line: str, arguments: list[str]) -> None:
    assert arguments_of(line) == arguments
