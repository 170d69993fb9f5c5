"""Opens 200 windows."""

from window import Window

window = Window(b"window 1")
for number in range(2, 201):
    window.add(b"window %d" % number)
window.rest()
