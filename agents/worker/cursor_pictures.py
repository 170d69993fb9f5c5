"""Pictures of the pointer as the wire has them: at most so large, and the two that are always there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.worker.desktop import CursorImage
from portcullis.protocol.messages import MAXIMUM_CURSOR_PIXELS

HIDDEN = CursorImage(0, 0, 0, 0, 0, b"")

_ARROW_SHAPE = (
    "#           ",
    "##          ",
    "#.#         ",
    "#..#        ",
    "#...#       ",
    "#....#      ",
    "#.....#     ",
    "#......#    ",
    "#.......#   ",
    "#........#  ",
    "#.....##### ",
    "#..#..#     ",
    "#.# #..#    ",
    "##  #..#    ",
    "#    #..#   ",
    "     ####   ",
)
_SHADES = {" ": b"\0\0\0\0", "#": b"\0\0\0\xff", ".": b"\xff\xff\xff\xff"}
_ARROW_PIXELS = b"".join(_SHADES[shade] for row in _ARROW_SHAPE for shade in row)
ARROW = CursorImage(0xFFFFFFFF, 0, 0, len(_ARROW_SHAPE[0]), len(_ARROW_SHAPE), _ARROW_PIXELS)
"""Instead of one that cannot be read: a pointer must not vanish."""


def thinning(height: int, width: int) -> int:
    """Every how many pixels one is left, of a picture that is larger than the wire allows."""
    return -(-max(height, width, 1) // MAXIMUM_CURSOR_PIXELS)


def cursor_picture(serial: int, hot_x: int, hot_y: int, rgba: NDArray[np.uint8]) -> CursorImage:
    """`rgba`: (height, width, 4), not premultiplied, no larger than the wire allows."""
    if not rgba[..., 3].any():
        return HIDDEN
    height, width = rgba.shape[:2]
    return CursorImage(serial, min(hot_x, width - 1), min(hot_y, height - 1), width, height, rgba.tobytes())
