"""Grabs the pointer, the keyboard or the whole server (its argument), and never lets go."""

import sys

import xcffib.xproto as xp
from window import Window

window = Window(b"grabs " + sys.argv[1].encode())
window.until_managed()
grab = xp.GrabMode.Async
if sys.argv[1] == "pointer":
    window.core.GrabPointer(False, window.root, 0, grab, grab, window.id, 0, 0).reply()
elif sys.argv[1] == "keyboard":
    window.core.GrabKeyboard(False, window.root, 0, grab, grab).reply()
elif sys.argv[1] == "frozen":  # no event of pointer or keyboard is delivered to anybody
    sync = xp.GrabMode.Sync
    window.core.GrabPointer(False, window.root, 4, sync, sync, 0, 0, 0).reply()
    window.core.GrabKeyboard(False, window.root, 0, sync, sync).reply()
else:
    window.core.GrabServer()
window.rest()
