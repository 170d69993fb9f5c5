"""A title of 1 MB of markup, control, bidirectional and malformed characters, set again and again."""

from window import Window

PIECE = "<b onmouseover=alert(1)>\u202e\u2066\0\x1b[31m&amp;\ufeff\U000e0041\n".encode() + b"\xed\xa0\x80\xff"
REST = PIECE * ((1 << 18) // len(PIECE) - 2)

window = Window()
name, kind = window.atom("_NET_WM_NAME"), window.atom("UTF8_STRING")
while True:
    window.core.ChangeProperty(0, window.id, name, kind, 8, 5, b"begin")
    for _ in range(4):
        window.core.ChangeProperty(2, window.id, name, kind, 8, len(REST), REST)
    window.sync()
