"""Shows the next colour for every key and every button press: in a patch of 64x64 pixels, or all over.

The colours are corners of the RGB cube, so that half scale tells them apart through any codec. They cycle 1..7,
black is never shown; bit 2 is red, 1 green, 0 blue.
"""

from __future__ import annotations

import xcffib.xproto as xproto
from window import Window, arguments, say

PATCH = 64


def colour(presses: int) -> int:
    code = presses % 7 + 1
    return (0xFF0000 if code & 4 else 0) | (0xFF00 if code & 2 else 0) | (0xFF if code & 1 else 0)


def main() -> None:
    options = arguments(("--area", {"choices": ("patch", "full"), "default": "patch"}))
    mask = xproto.EventMask.KeyPress | xproto.EventMask.KeyRelease | xproto.EventMask.ButtonPress
    window = Window(options.width, options.height, mask)
    area = (
        (0, 0, options.width, options.height)
        if options.area == "full"
        else ((options.width - PATCH) // 2, (options.height - PATCH) // 2, PATCH, PATCH)
    )
    presses, held = 0, set()

    def draw() -> None:
        window.fill(colour(presses), *area)
        window.flush()

    window.fill(0x202020, 0, 0, options.width, options.height)
    draw()
    say(event="ready")
    while True:
        event = window.x.wait_for_event()
        if isinstance(event, xproto.KeyReleaseEvent):
            held.discard(event.detail)
        elif isinstance(event, xproto.KeyPressEvent) and event.detail in held:
            pass  # a repetition is no press
        elif isinstance(event, xproto.KeyPressEvent | xproto.ButtonPressEvent):
            if isinstance(event, xproto.KeyPressEvent):
                held.add(event.detail)
            elif event.detail != 1:
                continue
            else:
                window.take_keyboard()  # a window manager may have given it to a window that came late
            presses += 1
            draw()
        elif isinstance(event, xproto.ExposeEvent):
            draw()


if __name__ == "__main__":
    main()
