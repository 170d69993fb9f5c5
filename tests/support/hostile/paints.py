"""Changes every pixel of the display 240 times a second."""

import time

import xcffib.xproto as xp
from window import Window

window = Window()
window.until_managed()
context, noise = window.x.generate_id(), window.x.generate_id()
window.core.CreateGC(context, window.id, 0, [])
window.core.CreatePixmap(24, noise, window.root, 64, 64)
pixels = bytes((n * 2654435761 >> 13) & 255 for n in range(64 * 64 * 4))
window.core.PutImage(xp.ImageFormat.ZPixmap, noise, context, 64, 64, 0, 0, 0, 24, len(pixels), pixels)
window.core.ChangeGC(context, xp.GC.FillStyle | xp.GC.Tile, [xp.FillStyle.Tiled, noise])
whole = xp.RECTANGLE.synthetic(0, 0, 3840, 2160)
at, number = time.monotonic(), 0
while True:
    number += 1
    offsets = xp.GC.TileStippleOriginX | xp.GC.TileStippleOriginY
    window.core.ChangeGC(context, offsets, [number % 64, number * 7 % 64])
    window.core.PolyFillRectangle(window.id, context, 1, [whole])
    window.sync()
    at += 1 / 240
    time.sleep(max(0.0, at - time.monotonic()))
