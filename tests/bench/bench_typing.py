"""Twenty seconds of typing into a page of text, then nothing: bytes, exactness, CPU and memory, beside TigerVNC
+ noVNC.

    tests/run.sh bench typing

The application copies letters of anti-aliased text, 8 a second. Bytes are what the kernel sent to the page.
Half a second after the last letter, what the page shows is compared with the X framebuffer, pixel by pixel.
Then the same page of text stands still for a while.
"""

from __future__ import annotations

import argparse
import signal
import time
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Browser

from tests.bench.figures import Figure, report
from tests.bench.processes import CpuMeter, pss_bytes, tree
from tests.bench.products import Product, installation, portcullis, tigervnc
from tests.bench.viewing import View, chromium, new_page

WIDTH, HEIGHT = 1920, 1080
SECONDS, IDLE_SECONDS = 20, 30
EXACT_AFTER_SECONDS = 0.5
"""After the last letter: what is seen then counts, and not when it was."""
BYTES_RATIO_LIMIT = 0.5
IDLE_BYTES_LIMIT = 20


@dataclass
class Typed:
    kilobytes: float
    cpu_percent: float
    exact_percent: float
    idle_bytes_a_second: float
    idle_cpu_percent: float
    idle_megabytes: float


def measure(view: View, seconds: float, idle_seconds: float) -> Typed:
    product = view.product
    view.page.bring_to_front()
    view.settle()
    with product.application("text", WIDTH, HEIGHT, "--seconds", str(seconds)) as application:
        view.settle()

        def served() -> list:
            return tree(product.roots(), [application.process.pid])

        before, meter = view.bytes_received(), CpuMeter(served)
        application.process.send_signal(signal.SIGUSR1)
        application.until("done")
        cpu = meter.share()
        time.sleep(EXACT_AFTER_SECONDS)
        kilobytes = (view.bytes_received() - before) / 1e3
        exact = exact_percent(view)
        view.rest()
        before, meter = view.bytes_received(), CpuMeter(served)
        time.sleep(idle_seconds)
        return Typed(
            kilobytes,
            cpu,
            exact,
            (view.bytes_received() - before) / idle_seconds,
            meter.share(),
            pss_bytes(served()) / 1e6,
        )


def exact_percent(view: View) -> float:
    """Of the pixels. Raises RuntimeError when the page shows another size."""
    shown, true = view.picture(), view.framebuffer()
    if shown.shape != true.shape:
        raise RuntimeError(f"the page shows {shown.shape}, the display is {true.shape}")
    return float(np.all(shown == true, axis=2).mean() * 100)


def compare(browser: Browser, seconds: float, idle_seconds: float) -> tuple[Product, Typed, Product, Typed]:
    with (
        installation() as site,
        new_page(browser, WIDTH, HEIGHT) as page,
        portcullis(site, page) as ours,
    ):
        typed = measure(View(page, ours, WIDTH, HEIGHT), seconds, idle_seconds)
    with tigervnc(WIDTH, HEIGHT) as peer, new_page(browser, WIDTH, HEIGHT) as page:
        peer.open(page)
        return ours, typed, peer, measure(View(page, peer, WIDTH, HEIGHT), seconds, idle_seconds)


def figures(ours: Typed, theirs: Typed, peer: str) -> list[Figure]:
    return [
        Figure("typing 8 characters/s for 20 s: sent to the browser", ours.kilobytes, "kB", peer=theirs.kilobytes,
               peer_name=peer, ratio_limit=BYTES_RATIO_LIMIT),
        Figure("typing: pixels that are exact 0.5 s after the last letter", ours.exact_percent, "%", 100,
               peer=theirs.exact_percent, peer_name=peer, more_is_better=True),
        Figure("typing: server's CPU, of one core", ours.cpu_percent, "%", peer=theirs.cpu_percent, peer_name=peer),
        Figure("idle: sent to the browser", ours.idle_bytes_a_second, "B/s", IDLE_BYTES_LIMIT,
               peer=theirs.idle_bytes_a_second, peer_name=peer),
        Figure("idle: server's CPU, of one core (broker, gateway, agent, session)", ours.idle_cpu_percent, "%",
               peer=theirs.idle_cpu_percent, peer_name=peer),
        Figure("idle: server's memory, PSS (broker, gateway, agent, session)", ours.idle_megabytes, "MB",
               peer=theirs.idle_megabytes, peer_name=peer),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    arguments = parser.parse_args()
    with chromium() as browser:
        ours, typed, peer, theirs = compare(browser, arguments.seconds, arguments.idle_seconds)
        version = browser.version
    facts = {"chromium": version, "size": f"{WIDTH}x{HEIGHT}", "versions": [ours.versions, peer.versions]}
    report("typing", figures(typed, theirs, peer.name), facts=facts)


if __name__ == "__main__":
    main()
