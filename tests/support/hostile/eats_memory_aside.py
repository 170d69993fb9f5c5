"""A child of the application takes memory without end; the application itself would go on."""

import os

from window import Window

window = Window()
window.until_managed()
if os.fork() == 0:
    taken = []
    while True:
        taken.append(bytearray(b"x") * (1 << 20))
window.rest()
