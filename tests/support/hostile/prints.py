"""Prints 100 MB to its standard error, in lines, and half of it without any."""

import os

from window import Window

window = Window()
window.until_managed()
for _ in range(800):
    os.write(2, b"\x1b[31m a line of nothing that matters\n" * 1820)
for _ in range(800):
    os.write(2, b"x" * 65536)
window.add(b"printed")
window.set(window.id, "_NET_WM_NAME", "UTF8_STRING", b"printed")
window.rest()
