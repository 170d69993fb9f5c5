"""Covers its window, and so the display, with noise in which no two neighbours are alike, whatever size it gets."""

import xcffib.xproto as xp
from window import Window

window = Window()
window.until_managed()
context, tile = window.x.generate_id(), window.x.generate_id()
window.core.CreatePixmap(24, tile, window.root, 61, 67)
window.core.CreateGC(context, tile, 0, [])
pixels = bytes((n * 2654435761 >> 13) & 255 for n in range(61 * 67 * 4))
window.core.PutImage(xp.ImageFormat.ZPixmap, tile, context, 61, 67, 0, 0, 0, 24, len(pixels), pixels)
window.core.ChangeWindowAttributes(window.id, xp.CW.BackPixmap, [tile])
window.core.ClearArea(False, window.id, 0, 0, 0, 0)
window.set(window.id, "_NET_WM_NAME", "UTF8_STRING", b"noise")
window.rest()
