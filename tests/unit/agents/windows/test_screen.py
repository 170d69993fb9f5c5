"""Which of a display's sizes is taken."""

import pytest

from agents.windows.screen import nearest

SIZES = [(640, 480), (800, 600), (1024, 768), (1280, 720), (1280, 1024), (1920, 1080), (1920, 1080)]


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        ((1920, 1080), (1920, 1080)),
        ((1919, 1080), (1280, 1024)),
        ((1300, 760), (1280, 720)),
        ((16384, 16384), (1920, 1080)),
        ((799, 600), None),  # smaller ones are there, but of no use
        ((390, 844), None),
    ],
)
def test_largest_size_that_fits_is_taken(wanted, size):
    assert nearest(SIZES, *wanted) == size


def test_display_without_a_choice_stays():
    assert nearest([], 1920, 1080) is None
