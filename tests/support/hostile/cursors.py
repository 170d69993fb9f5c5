"""A new cursor with every request, of a size that no client can show."""

import xcffib.xproto as xp
from window import Window

window = Window()
window.until_managed()
pixmap = window.x.generate_id()
window.core.CreatePixmap(1, pixmap, window.root, 1024, 1024)
window.core.WarpPointer(0, window.root, 0, 0, 0, 0, 100, 100)
number = 0
while True:
    number += 1
    cursor = window.x.generate_id()
    window.core.CreateCursor(cursor, pixmap, pixmap, number & 0xFFFF, 0, 0, 0, 0, 0, 0, 0)
    window.core.ChangeWindowAttributes(window.id, xp.CW.Cursor, [cursor])
    window.core.FreeCursor(cursor)
    if number % 50 == 0:
        window.sync()
