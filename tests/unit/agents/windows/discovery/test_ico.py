"""Icons out of the resources of a program, as a file that a decoder reads."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from agents.icon_pictures import drawn
from agents.windows.discovery import ico


def resources(*sides: int) -> tuple[bytes, dict[int, bytes]]:
    """As a program has them: a group, and a picture by number."""
    group, pictures = ico.HEADER.pack(0, 1, len(sides)), {}
    for number, side in enumerate(sides, 1):
        written = io.BytesIO()
        Image.new("RGBA", (side, side), (0, 128, 255, 255)).save(written, "PNG")
        pictures[number] = written.getvalue()
        group += ico.IN_GROUP.pack(side % 256, side % 256, 0, 0, 1, 32, len(written.getvalue()), number)
    return group, pictures


def test_the_largest_picture_is_drawn() -> None:
    group, pictures = resources(16, 256, 48)
    file = ico.file_of(group, lambda number: pictures[number])
    with Image.open(io.BytesIO(drawn(file, "ICO"))) as image:
        assert (image.size, image.getpixel((5, 5))) == ((128, 128), (0, 128, 255, 255))


def test_pictures_that_are_missing_are_left_out() -> None:
    group, pictures = resources(16, 48)
    file = ico.file_of(group, lambda number: pictures[number] if number == 2 else b"")
    with Image.open(io.BytesIO(file)) as image:
        assert image.size == (48, 48)


@pytest.mark.parametrize(
    "group",
    [
        b"",
        b"\0\0\1\0",
        struct.pack("<HHH", 0, 1, 0),
        struct.pack("<HHH", 0, 2, 1) + bytes(14),
        struct.pack("<HHH", 0, 1, 2) + bytes(14),
        struct.pack("<HHH", 0, 1, 0xFFFF) + bytes(14 * 100),
    ],
)
def test_what_is_no_group_is_refused(group: bytes) -> None:
    with pytest.raises(ValueError):
        ico.file_of(group, lambda number: b"x")


def test_pictures_that_are_too_large_are_refused() -> None:
    group, _ = resources(16, 48)
    with pytest.raises(ValueError):
        ico.file_of(group, lambda number: bytes(ico.MAXIMUM_BYTES))
