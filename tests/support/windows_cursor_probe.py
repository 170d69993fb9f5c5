"""Cursors as Windows' own functions give them: the arrow, the bar of text, and one of two bits a pixel made here.

The pointer of another program cannot be read under Wine: there it is always the arrow.
"""

from __future__ import annotations

import ctypes
import json

from agents.windows.cursor import _image
from agents.windows.libraries import user32
from agents.windows.structures import CURSOR_SHOWING

ARROW, BAR = 32512, 32513
MASK, INVERTED = bytes([0xF0, 0xFF]) * 16, bytes([0x0C, 0x00]) * 16


def main() -> None:
    create = ctypes.WinDLL("user32").CreateCursor
    create.restype = ctypes.c_void_p
    create.argtypes = (ctypes.c_void_p, *(ctypes.c_int,) * 4, ctypes.c_char_p, ctypes.c_char_p)
    own = create(None, 2, 1, 16, 16, MASK, INVERTED)
    for cursor in (user32().LoadCursorW(None, ARROW), user32().LoadCursorW(None, BAR), own):
        image = _image(CURSOR_SHOWING, cursor)
        print(
            json.dumps(
                {
                    "serial": image.serial,
                    "hot": [image.hot_x, image.hot_y],
                    "size": [image.width, image.height],
                    "opaque": sum(alpha > 0 for alpha in image.rgba[3::4]),
                    "first": [list(image.rgba[at : at + 4]) for at in range(0, 32, 4)],
                }
            )
        )


if __name__ == "__main__":
    main()
