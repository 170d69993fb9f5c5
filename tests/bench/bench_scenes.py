"""What people look at all day, in motion, beside TigerVNC + noVNC: bytes, pictures a second, CPU, and whether the
picture is exact when it rests.

    tests/run.sh bench scenes [--scenes video,drag,sheet,terminal] [--seconds 10] [--size 1280x720]

The scenes are tests/bench/apps/scenes.py. Pictures are animation frames in which the middle of the page's display
changed. One second after the end every pixel is compared with the X framebuffer.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser

from tests.bench.bench_typing import exact_percent
from tests.bench.figures import Figure, Series, report
from tests.bench.processes import CpuMeter, tree
from tests.bench.products import Product, installation, portcullis, tigervnc
from tests.bench.viewing import View, chromium, new_page

SCENES = {
    "video": "a film beside text",
    "drag": "a window that is dragged",
    "sheet": "a spreadsheet that is scrolled",
    "terminal": "find / in a terminal",
}
LARGE = "sheet", 3840, 2160
REST_SECONDS = 1.0
"""After the last change: what is seen then counts, and not when it was."""


@dataclass
class Seen:
    megabytes: float
    pictures_a_second: float
    cpu_percent: float
    exact_percent: float


def measure(view: View, scene: str, seconds: float) -> Seen:
    view.page.bring_to_front()
    view.settle()
    options = ("--scene", scene, "--seconds", str(seconds))
    with view.product.application("scenes", view.width, view.height, *options) as application:
        view.settle()
        before = view.bytes_received()
        meter = CpuMeter(lambda: tree(view.product.roots(), [application.process.pid]))
        view.page.evaluate("portcullisBench.startWatching()")
        application.process.send_signal(signal.SIGUSR1)
        application.until("done")
        pictures = view.page.evaluate("portcullisBench.stopWatching()")
        cpu = meter.share()
        time.sleep(REST_SECONDS)
        exact = exact_percent(view)
        return Seen((view.bytes_received() - before) / 1e6, pictures / seconds, cpu, exact)


def compare(
    browser: Browser, scenes: Sequence[str], seconds: float, width: int, height: int
) -> tuple[list[Product], dict[str, tuple[Seen, Seen]]]:
    """Of each scene what was seen of ours and of the peer's, who take turns."""
    with (
        installation() as site,
        new_page(browser, width, height) as own_page,
        new_page(browser, width, height) as their_page,
        portcullis(site, own_page) as ours,
        tigervnc(width, height) as peer,
    ):
        peer.open(their_page)
        views = View(own_page, ours, width, height), View(their_page, peer, width, height)
        seen = {
            scene: (measure(views[0], scene, seconds), measure(views[1], scene, seconds)) for scene in scenes
        }
        return [ours, peer], seen


def figures(scene: str, ours: Seen, theirs: Seen, peer: str, size: str) -> list[Figure]:
    title = f"{SCENES[scene]}, {size}"
    return [
        Figure(f"{title}: sent to the browser", ours.megabytes, "MB", peer=theirs.megabytes, peer_name=peer),
        Figure(f"{title}: pictures a second", ours.pictures_a_second, "/s", peer=theirs.pictures_a_second,
               peer_name=peer, more_is_better=True),
        Figure(f"{title}: server's CPU, of one core", ours.cpu_percent, "%", peer=theirs.cpu_percent, peer_name=peer),
        Figure(f"{title}: exact pixels 1 s after the end", ours.exact_percent, "%", 100, peer=theirs.exact_percent,
               peer_name=peer, more_is_better=True),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", default=",".join(SCENES))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--no-4k", action="store_true", help=f"not {LARGE[0]} at {LARGE[1]}x{LARGE[2]}")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    wanted = arguments.scenes.split(",")
    found: list[Figure] = []
    series: list[Series] = []
    with chromium() as browser:
        rounds = [(wanted, width, height), *([] if arguments.no_4k else [((LARGE[0],), *LARGE[1:])])]
        for scenes, *size in rounds:
            products, seen = compare(browser, scenes, arguments.seconds, *size)
            for scene, (ours, theirs) in seen.items():
                found += figures(scene, ours, theirs, products[1].name, f"{size[0]}x{size[1]}")
                label = f"{scene} {size[1]}p"
                series += [
                    Series(f"{label}: {product.name}", [one.megabytes])
                    for product, one in zip(products, (ours, theirs), strict=True)
                ]
        version = browser.version
    versions = [product.versions for product in products]
    report("scenes", found, series, {"chromium": version, "versions": versions})


if __name__ == "__main__":
    main()
