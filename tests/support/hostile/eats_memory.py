"""Takes memory without end, once a window is there: a page at a time is touched."""

from window import Window

window = Window()
window.until_managed()
taken = []
while True:
    taken.append(bytearray(b"x") * (1 << 20))
