"""The X framebuffer as a judge: Xvfb's `-fbdir` file read with nothing of the product's own code.

Source: X11/XWDFile.h. The file is an XWD dump: a header of 25 big-endian words, a name, colour entries of 12
bytes, then the pixels at the width that the server started with.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

HEADER_SIZE, WIDTH, HEIGHT, BYTES_PER_LINE, COLOURS = 0, 4, 5, 12, 19


def read_framebuffer(path: Path, width: int, height: int) -> np.ndarray:
    """The top left `width` x `height` pixels, RGB, shape (height, width, 3)."""
    data = np.memmap(path, np.uint8, "r")  # a display may grow to many times what is looked at
    words = struct.unpack_from(">25I", data)
    start = words[HEADER_SIZE] + words[COLOURS] * 12
    stride = words[BYTES_PER_LINE]
    rows = data[start : start + stride * words[HEIGHT]]
    bgrx = rows.reshape(words[HEIGHT], stride)[:, : words[WIDTH] * 4].reshape(words[HEIGHT], words[WIDTH], 4)
    return np.array(bgrx[:height, :width, 2::-1])
