"""Titles are made safe to show."""

import pytest

from agents.worker.window_titles import clean_title


@pytest.mark.parametrize(
    ("title", "clean"),
    [
        ("Größe 漢字 😀", "Größe 漢字 😀"),
        ("a\x1b[31mb\nc\x00", "a[31mbc"),
        ("left\u202eright\u200b\u2028", "leftright"),
        ("", ""),
    ],
)
def test_control_characters_are_removed(title, clean):
    assert clean_title(title) == clean


def test_long_title_is_cut_between_characters():
    assert clean_title("ä" * 600) == "ä" * 512
    assert clean_title("x" + "ä" * 600) == "x" + "ä" * 511
