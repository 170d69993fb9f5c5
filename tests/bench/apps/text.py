"""Types into a page of anti-aliased text: starts on SIGUSR1, says `done` after the last character, then holds still.

Characters are copied from a picture of them that the server holds, so drawing costs next to nothing.
"""

from __future__ import annotations

import random
import signal
import time

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from window import Window, arguments, say

FONT = "DejaVuSansMono.ttf"
CELL_WIDTH, CELL_HEIGHT, MARGIN = 9, 18, 10
PAPER, INK = (252, 252, 250), (20, 20, 20)
INKS = (INK, INK, INK, (20, 60, 150), (150, 30, 30), (30, 110, 40))
CARET = 0x303030
FREE_ROWS = 4
SPACE = 26
WORDS = [
    "the",
    "gate",
    "of",
    "the",
    "city",
    "is",
    "made",
    "of",
    "iron",
    "bars",
    "and",
    "it",
    "is",
    "let",
    "down",
    "at",
    "night",
    "when",
    "nobody",
    "may",
    "come",
    "in",
    "any",
    "more",
    "so",
    "that",
    "those",
    "who",
    "sleep",
    "there",
    "can",
    "be",
    "sure",
    "that",
    "a",
    "stranger",
    "has",
    "to",
    "wait",
    "outside",
    "until",
    "somebody",
    "who",
    "knows",
    "him",
    "opens",
]


def page(width: int, height: int, rnd: random.Random) -> np.ndarray:
    """Full of words, but for the last rows."""
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    columns = (width - 2 * MARGIN) // CELL_WIDTH
    for row in range((height - 2 * MARGIN) // CELL_HEIGHT - FREE_ROWS):
        words = f"{row:4}  "
        while len(words) < columns - 12:
            words += rnd.choice(WORDS) + " "
        draw.text((MARGIN, MARGIN + row * CELL_HEIGHT), words, fill=rnd.choice(INKS), font=font())
    return np.asarray(picture)


def alphabet() -> np.ndarray:
    picture = Image.new("RGB", ((SPACE + 1) * CELL_WIDTH, CELL_HEIGHT), PAPER)
    for number in range(SPACE):
        ImageDraw.Draw(picture).text((number * CELL_WIDTH, 0), chr(ord("a") + number), fill=INK, font=font())
    return np.asarray(picture)


def font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, 15)


def type_into(window: Window, letters: int, count: int, a_second: float, rnd: random.Random) -> None:
    columns = (window.width - 2 * MARGIN) // CELL_WIDTH
    column, row = 0, (window.height - 2 * MARGIN) // CELL_HEIGHT - FREE_ROWS
    began = time.monotonic()
    for typed in range(1, count + 1):
        letter = SPACE if rnd.random() < 0.17 else rnd.randrange(SPACE)
        x, y = MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT
        window.copy(letters, letter * CELL_WIDTH, 0, CELL_WIDTH, CELL_HEIGHT, x, y)
        column += 1
        if column >= columns:
            column, row = 0, row + 1
        window.fill(CARET, MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT, 2, CELL_HEIGHT)
        window.sync()
        time.sleep(max(0.0, began + typed / a_second - time.monotonic()))


def main() -> None:
    options = arguments(
        ("--seconds", {"type": float, "default": 20}), ("--rate", {"type": float, "default": 8})
    )
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    rnd = random.Random(3)
    window = Window(options.width, options.height)
    background = window.pixmap(page(options.width, options.height, rnd))
    letters = window.pixmap(alphabet())
    window.copy(background, 0, 0, options.width, options.height, 0, 0)
    window.sync()
    say(event="ready")
    signal.sigwait([signal.SIGUSR1])
    type_into(window, letters, int(options.seconds * options.rate), options.rate, rnd)
    say(event="done")
    signal.sigwait([signal.SIGTERM])


if __name__ == "__main__":
    main()
