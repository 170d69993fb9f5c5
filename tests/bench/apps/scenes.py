"""What people look at all day, in motion: starts on SIGUSR1, says `done` at the end, then holds still.

    video     a film in a box beside text, 30 pictures a second
    drag      a window that is moved over text, 60 a second
    sheet     a spreadsheet that is scrolled, 15 steps a second
    terminal  a real xterm in which `find /` runs

Everything is copied from pictures that the server holds, so drawing costs next to nothing.
"""

from __future__ import annotations

import math
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from text import font, page
from window import Window, arguments, say

FILM = "640x360"
FILM_PICTURES = 24
MOVED = 520, 380
HEADER, ROW, COLUMN = 24, 20, 110
STEP_ROWS = 3


def film(rnd: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Clouds of colour with edges and grain."""
    across, down = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    turns = [2 * np.pi * (3 * across * k + down * (4 - k)) for k in (1, 2, 3)]
    picture = np.stack([128 + 70 * np.sin(t) + 30 * np.cos(2.7 * t + 5 * down) for t in turns], axis=-1)
    for _ in range(25):
        x, y, radius = rnd.integers(width), rnd.integers(height), rnd.integers(10, 60)
        inside = np.hypot(across * width - x, down * height - y) < radius
        picture[inside] = picture[inside] * 0.4 + rnd.integers(0, 256, 3) * 0.6
    return picture


def play(window: Window, seconds: float, width: int, height: int) -> None:
    rnd = np.random.default_rng(5)
    whole = film(rnd, 2 * width, height)
    pictures = []
    for number in range(FILM_PICTURES):
        x = number * width // FILM_PICTURES
        seen = whole[:, x : x + width] + rnd.normal(0, 3, (height, width, 1))
        pictures.append(window.pixmap(np.clip(seen, 0, 255).astype(np.uint8)))
    left, top = (window.width - width) // 2, (window.height - height) // 2
    steps(
        window,
        seconds,
        30,
        lambda n: window.copy(pictures[n % FILM_PICTURES], 0, 0, width, height, left, top),
    )


def drag(window: Window, seconds: float) -> None:
    width, height = MOVED
    picture = Image.fromarray(page(width, height, random.Random(8)))
    ImageDraw.Draw(picture).rectangle((0, 0, width - 1, 24), fill=(60, 90, 140), outline=(30, 40, 60))
    moved = window.pixmap(np.asarray(picture))
    background = window.pixmap(page(window.width, window.height, random.Random(3)))
    before: list[tuple[int, int]] = []

    def move(n: int) -> None:
        x = int((window.width - width) * (0.5 + 0.45 * math.sin(n / 40)))
        y = int((window.height - height) * (0.5 + 0.45 * math.sin(n / 27)))
        for old_x, old_y in before:
            window.copy(background, old_x, old_y, width, height, old_x, old_y)
        window.copy(moved, 0, 0, width, height, x, y)
        before[:] = [(x, y)]

    steps(window, seconds, 60, move)


def sheet(window: Window, seconds: float) -> None:
    rows = 600
    rnd = random.Random(6)
    strip = 3000 // ROW
    pictures = [
        window.pixmap(cells(window.width, range(first, min(rows, first + strip)), rnd))
        for first in range(0, rows, strip)
    ]
    shown = (window.height - HEADER) // ROW
    window.copy(window.pixmap(header(window.width)), 0, 0, window.width, HEADER, 0, 0)

    def scroll(n: int) -> None:
        first = abs((n * STEP_ROWS + rows - shown) % (2 * (rows - shown)) - (rows - shown))
        y = HEADER
        while y + ROW <= window.height:
            picture, row = divmod(first, strip)
            count = min(strip - row, (window.height - y) // ROW)
            window.copy(pictures[picture], 0, row * ROW, window.width, count * ROW, 0, y)
            first, y = first + count, y + count * ROW

    steps(window, seconds, 15, scroll)


def cells(width: int, rows: range, rnd: random.Random) -> np.ndarray:
    picture = Image.new("RGB", (width, len(rows) * ROW), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    for at, row in enumerate(rows):
        y = at * ROW
        draw.line((0, y + ROW - 1, width, y + ROW - 1), fill=(212, 212, 212))
        draw.text((6, y), str(row + 1), fill=(90, 90, 90), font=font())
        for x in range(60, width, COLUMN):
            draw.text((x + 6, y), f"{rnd.uniform(-9999, 99999):.2f}", fill=(20, 20, 20), font=font())
    for x in range(60, width, COLUMN):
        draw.line((x, 0, x, picture.height), fill=(212, 212, 212))
    return np.asarray(picture)


def header(width: int) -> np.ndarray:
    picture = Image.new("RGB", (width, HEADER), (232, 234, 238))
    for column, x in enumerate(range(60, width, COLUMN)):
        ImageDraw.Draw(picture).text((x + 50, 3), chr(ord("A") + column % 26), fill=(60, 60, 60), font=font())
    return np.asarray(picture)


def terminal(window: Window, seconds: float) -> None:
    """Raises CalledProcessError when there is no xterm."""
    window.hide()  # no window manager puts another one above it
    with tempfile.TemporaryDirectory() as folder:
        over = Path(folder) / "over"
        lister = f"timeout -s KILL {seconds} find / -xdev 2>/dev/null; touch {over}; sleep 600"
        size = f"{window.width // 6}x{window.height // 13}+0+0"
        xterm = subprocess.Popen(["xterm", "-geometry", size, "-e", "sh", "-c", lister])
        try:
            while not over.exists():
                if xterm.poll() is not None:
                    raise subprocess.CalledProcessError(xterm.returncode, "xterm")
                time.sleep(0.05)
            say(event="done")
            signal.sigwait([signal.SIGTERM])
        finally:
            xterm.kill()  # it inherits what is blocked here
            xterm.wait()
    sys.exit()


def steps(window: Window, seconds: float, a_second: float, draw: Callable[[int], None]) -> None:
    """What is late is left out, not made up for."""
    began = time.monotonic()
    done = -1
    while (now := time.monotonic() - began) < seconds:
        if int(now * a_second) > done:
            done = int(now * a_second)
            draw(done)
            window.sync()
        time.sleep(max(0.0, began + (done + 1) / a_second - time.monotonic()))


SCENES = {"drag": drag, "sheet": sheet, "terminal": terminal}


def main() -> None:
    options = arguments(
        ("--scene", {"choices": ["video", *SCENES], "required": True}),
        ("--film", {"default": FILM, "help": "width and height of the film in `video`"}),
        ("--seconds", {"type": float, "default": 10}),
    )
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
    window = Window(options.width, options.height)
    background = window.pixmap(page(options.width, options.height, random.Random(3)))
    window.copy(background, 0, 0, options.width, options.height, 0, 0)
    window.sync()
    say(event="ready")
    signal.sigwait([signal.SIGUSR1])
    if options.scene == "video":
        play(window, options.seconds, *map(int, options.film.split("x")))
    else:
        SCENES[options.scene](window, options.seconds)
    say(event="done")
    signal.sigwait([signal.SIGTERM])


if __name__ == "__main__":
    main()
