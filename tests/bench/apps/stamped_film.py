"""A film that says when each of its pictures was drawn: 640x360 over text, 30 a second, and a line that is typed into.

The number of the picture stands in its upper edge as blocks of black and white, which survive any codec. It is that of
the tick of the machine's monotonic clock, so whoever reads it knows the picture's age. A key that is pressed makes the
next letter (`typed`), unless `--still`: then there is no film.
"""

from __future__ import annotations

import random
import select
import time

import numpy as np
import xcffib.xproto as xproto
from text import page
from window import Window, arguments

A_SECOND = 30
WIDTH, HEIGHT = 640, 360
BLOCK, BITS = 20, 12
PICTURES = 24
LETTERS = 60


def film(rnd: np.random.Generator) -> list[np.ndarray]:
    across, down = np.meshgrid(np.arange(2 * WIDTH) / WIDTH, np.arange(HEIGHT) / HEIGHT)
    turns = [2 * np.pi * (3 * across * k + down * (4 - k)) for k in (1, 2, 3)]
    whole = np.stack([128 + 70 * np.sin(t) + 30 * np.cos(2.7 * t + 5 * down) for t in turns], axis=-1)
    pictures = []
    for number in range(PICTURES):
        x = number * WIDTH // PICTURES
        seen = whole[:, x : x + WIDTH] + rnd.normal(0, 4, (HEIGHT, WIDTH, 1))
        pictures.append(np.clip(seen, 0, 255).astype(np.uint8))
    return pictures


def stamp(window: Window, number: int, left: int, top: int) -> None:
    for bit in range(BITS):
        colour = 0xFFFFFF if number >> bit & 1 else 0
        window.fill(colour, left + bit * BLOCK, top, BLOCK, BLOCK)


def main() -> None:
    options = arguments(("--still", {"action": "store_true"}))
    window = Window(options.width, options.height, xproto.EventMask.KeyPress)
    rnd = np.random.default_rng(5)
    window.copy(
        window.pixmap(page(options.width, options.height, random.Random(3))),
        0,
        0,
        options.width,
        options.height,
        0,
        0,
    )
    window.flush()  # a still page is followed by nothing that would
    pictures = [] if options.still else [window.pixmap(picture) for picture in film(rnd)]
    left, top = (options.width - WIDTH) // 2, (options.height - HEIGHT) // 2
    typed = 0
    number = int(time.monotonic() * A_SECOND)
    while True:
        number += 1
        while (left_seconds := number / A_SECOND - time.monotonic()) > 0:
            select.select([window.x.get_file_descriptor()], [], [], left_seconds)
            while (event := window.x.poll_for_event()) is not None:
                if isinstance(event, xproto.KeyPressEvent):
                    typed += 1
                    window.fill(0x10 * (typed % 15 + 1), 20 + typed % LETTERS * 10, 10, 8, 14)
                    window.flush()
        if pictures:
            window.copy(pictures[number % PICTURES], 0, 0, WIDTH, HEIGHT, left, top)
            stamp(window, number % (1 << BITS), left, top)
            window.flush()


if __name__ == "__main__":
    main()
