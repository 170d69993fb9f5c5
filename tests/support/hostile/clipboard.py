"""Owns the clipboard, and answers `never`, or with 100 MB (`huge`): at once, or by pieces (`pieces`) without end."""

import sys

import xcffib
import xcffib.xproto as xp
from window import Window

window = Window()
window.until_managed()
clipboard, utf8, incr = window.atom("CLIPBOARD"), window.atom("UTF8_STRING"), window.atom("INCR")
window.core.SetSelectionOwner(window.id, clipboard, 0)
window.sync()
to = None
while True:
    try:
        event = window.x.wait_for_event()
    except xcffib.Error:
        continue
    if isinstance(event, xp.SelectionClearEvent):
        window.core.SetSelectionOwner(window.id, clipboard, 0)
        window.x.flush()
    if isinstance(event, xp.SelectionRequestEvent) and sys.argv[1] != "never":
        to = (event.requestor, event.property)
        window.core.ChangeWindowAttributes(event.requestor, xp.CW.EventMask, [xp.EventMask.PropertyChange])
        if sys.argv[1] == "huge":
            for _ in range(100):
                data = b"x" * (1 << 18)
                window.core.ChangeProperty(2, *to, utf8, 8, len(data), data)
        else:
            window.core.ChangeProperty(0, *to, incr, 32, 1, [100 << 20])
        answer = xp.SelectionNotifyEvent.synthetic(
            event.time, event.requestor, clipboard, event.target, to[1]
        )
        window.core.SendEvent(False, event.requestor, 0, answer.pack())
        window.x.flush()
    is_taken = isinstance(event, xp.PropertyNotifyEvent) and (event.window, event.atom) == to
    if is_taken and event.state == xp.Property.Delete and sys.argv[1] == "pieces":
        window.core.ChangeProperty(0, *to, utf8, 8, 1 << 16, b"x" * (1 << 16))
        window.x.flush()
