"""Key press to pixel in real Chromium, beside TigerVNC + noVNC in the same run, at the same size, with the same
application; and the floor of both, a bare page whose server answers at once (floor.py).

    tests/run.sh bench latency        (or python -m tests.bench.bench_latency --samples 50)

The products take turns, so that both meet the same machine. Start: the page's keydown. Stop: the right colour
in the middle of the canvas. Both are served over TLS.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.bench.figures import Figure, Series, percentile, report
from tests.bench.floor import floor
from tests.bench.products import installation, portcullis, self_signed, tigervnc
from tests.bench.viewing import Samples, View, chromium, new_page

WIDTH, HEIGHT = 1920, 1080
AREAS = {"patch": "64x64 patch", "full": "whole window"}
RATIO_LIMITS = {"patch": 0.4, "full": 0.6}
ROUNDS = 2


def measure(browser: Browser, samples: int) -> dict[str, dict[str, Samples]]:
    """Samples by area and product."""
    found: dict[str, dict[str, Samples]] = {area: {} for area in AREAS}
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(https=True) as site,
        new_page(browser, WIDTH, HEIGHT) as ours,
        new_page(browser, WIDTH, HEIGHT) as theirs,
        new_page(browser, WIDTH, HEIGHT) as bare,
        portcullis(site, ours) as product,
        tigervnc(WIDTH, HEIGHT, tls=(tls := self_signed(Path(folder)))) as peer,
        floor(tls) as least,
    ):
        peer.open(theirs)
        least.open(bare)
        pages = ((ours, product), (theirs, peer), (bare, least))
        views = [View(page, one, WIDTH, HEIGHT) for page, one in pages]
        for view in views:
            view.settle()
        for _ in range(ROUNDS):
            for area in AREAS:
                for view in views:
                    into = found[area].setdefault(view.product.name, Samples())
                    press(view, area, samples // ROUNDS, into)
    return found


def press(view: View, area: str, count: int, into: Samples) -> None:
    view.page.bring_to_front()
    with view.product.application("colours", WIDTH, HEIGHT, "--area", area):
        view.settle()
        samples = view.press_keys(count)
    into.milliseconds += samples.milliseconds
    into.gaps += samples.gaps
    into.lost += samples.lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=120)
    samples = parser.parse_args().samples
    with chromium() as browser:
        found = measure(browser, samples)
        version = browser.version
    figures, series = [], []
    for area, title in AREAS.items():
        (_, ours), (peer, theirs), (_, least) = found[area].items()
        figures += [
            *compared(title, ours, theirs, peer, RATIO_LIMITS[area]),
            *floor_of(title, least, theirs, peer),
        ]
        series += [Series(f"{title}: {name}", one.milliseconds) for name, one in found[area].items()]
    report("latency", figures, series, {"chromium": version, "size": f"{WIDTH}x{HEIGHT}"})


def compared(title: str, ours: Samples, theirs: Samples, peer: str, ratio_limit: float) -> list[Figure]:
    return [
        Figure(
            f"key press -> pixel, {title}, {label}",
            percentile(ours.milliseconds, percent),
            "ms",
            peer=percentile(theirs.milliseconds, percent),
            peer_name=peer,
            ratio_limit=ratio_limit,
            note=f"(read every {percentile(ours.gaps, 50):.1f} / {percentile(theirs.gaps, 50):.1f} ms)",
        )
        for percent, label in ((50, "median"), (95, "p95"))
    ]


def floor_of(title: str, least: Samples, theirs: Samples, peer: str) -> list[Figure]:
    return [
        Figure(
            f"the floor: a bare page, a server that answers at once, {title}, {label}",
            percentile(least.milliseconds, percent),
            "ms",
            peer=percentile(theirs.milliseconds, percent),
            peer_name=peer,
            note=f"(read every {percentile(least.gaps, 50):.1f} ms)",
        )
        for percent, label in ((50, "median"), (95, "p95"))
    ]


if __name__ == "__main__":
    main()
