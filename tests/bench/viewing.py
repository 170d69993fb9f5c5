"""One page of real Chromium that shows a product's display: presses keys in it and reads what it shows.

The pixel is looked for in the page itself (probe.js); nothing of a product is changed.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xcffib
import xcffib.xproto as xproto
from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.products import Product, wait_for

CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
]
_PROBE = (Path(__file__).parent / "probe.js").read_text()
COLOURS = 7
WARM_UP = 5
MOST_LOST = 5
PAUSE_SECONDS = (0.06, 0.22)
"""Between presses, at random: no product's clock is met at the same point each time."""
_SENT = re.compile(r"(\S+:\d+)\s*\n.*\bbytes_acked:(\d+)")


@dataclass
class Samples:
    milliseconds: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    lost: int = 0


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def new_page(browser: Browser, width: int, height: int) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=1,
        ignore_https_errors=True,
        locale="en-US",
    )
    context.add_init_script(_PROBE)
    try:
        yield context.new_page()
    finally:
        context.close()


class View:
    """`page` shows `product`, whose display has the size of the page."""

    def __init__(self, page: Page, product: Product, width: int, height: int) -> None:
        self.page, self.product = page, product
        self.width, self.height = width, height
        self._random = random.Random(1)
        self._sent: dict[str, int] = {}
        """By the page's end of the connection."""

    def settle(self) -> None:
        """The display has its size, the canvas shows the framebuffer, and the keyboard goes to it."""
        wait_for(lambda: self.page.evaluate("portcullisBench.size()") == [self.width, self.height])
        self.page.mouse.click(self.width // 2, self.height // 2 + 100)
        self.page.mouse.move(self.width // 2, 4)
        self.rest()

    def rest(self) -> None:
        """No byte has come for half a second; or others never rest, and three seconds are over."""
        quiet = 0
        before = self.bytes_received()
        for _ in range(30):
            time.sleep(0.1)  # the time over which it is compared
            now = self.bytes_received()
            quiet = quiet + 1 if now == before else 0
            before = now
            if quiet == 5:
                break

    def press_keys(self, count: int) -> Samples:
        """From the page's keydown to the right colour in the middle of the canvas; colours.py runs there."""
        samples = Samples()
        x, y = self.width // 2, self.height // 2
        shown = self._colour(x, y)
        for number in range(WARM_UP + count):
            wanted = shown % COLOURS + 1
            result = self._press(x, y, shown, wanted)
            if result is None or "lost" in result:
                samples.lost += 1
                if samples.lost > MOST_LOST:
                    raise RuntimeError(f"{samples.lost} presses were not seen")
                self.rest()  # what comes late belongs to no other press
                shown = self._colour(x, y)
                continue
            shown = wanted
            if number >= WARM_UP:
                samples.milliseconds.append(result["ms"])
                samples.gaps.append(result["gap"])
            time.sleep(self._random.uniform(*PAUSE_SECONDS))
        return samples

    def _colour(self, x: int, y: int) -> int:
        shown: int = self.page.evaluate("([x, y]) => portcullisBench.colour(x, y)", [x, y])
        if not 1 <= shown <= COLOURS:
            raise RuntimeError(f"colour {shown} is in the middle of the canvas")
        return shown

    def _press(self, x: int, y: int, shown: int, wanted: int) -> dict[str, float] | None:
        armed = self.page.evaluate("([x, y, wanted]) => portcullisBench.arm(x, y, wanted)", [x, y, wanted])
        if armed != shown:
            return None
        self.page.keyboard.down("a")
        self.page.keyboard.up("a")
        result: dict[str, float] = self.page.evaluate("portcullisBench.result")
        return result

    def picture(self) -> np.ndarray:
        """What the canvas holds, RGB."""
        width, height, encoded = self.page.evaluate("portcullisBench.pixels()")
        return np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, width, 4)[..., :3]

    def framebuffer(self) -> np.ndarray:
        """What the X server shows, RGB."""
        os.environ.update(self.product.environment)
        x = xcffib.connect(self.product.display)
        root = x.get_setup().roots[x.pref_screen].root
        form = xproto.ImageFormat.ZPixmap
        reply = x.core.GetImage(form, root, 0, 0, self.width, self.height, 0xFFFFFFFF).reply()
        pixels = np.frombuffer(reply.data.buf(), np.uint8).reshape(self.height, self.width, 4)
        x.disconnect()
        return pixels[..., 2::-1]

    def bytes_received(self) -> int:
        """What the product's sockets sent to the page, by the kernel's counters: WebSocket and TLS included."""
        command = ["ss", "-tinH", "state", "established", f"( sport = :{self.product.port} )"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self._sent |= {peer: int(sent) for peer, sent in _SENT.findall(told)}
        return sum(self._sent.values())  # also of those that were closed meanwhile
