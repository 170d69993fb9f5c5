"""Key press to pixel through an RDP server, beside a program on the host itself, in one run; and what FreeRDP costs a
session in which nothing happens.

    tests/run.sh bench rdp        (or python -m tests.bench.bench_rdp --samples 50)

Both are sessions of one Portcullis, in one browser, of one size, with the same application: once on the session's own
display, once on the display of xrdp with xorgxrdp on this machine, which the session shows by FreeRDP. What xrdp takes
for itself (it looks for changes at intervals) is part of the figure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, expect

from tests.bench.figures import Figure, Series, percentile, report
from tests.bench.people import add_users
from tests.bench.processes import CpuMeter, pss_bytes
from tests.bench.products import (
    GROUP,
    Installation,
    Product,
    debian_version,
    installation,
    portcullis,
    sign_in,
    wait_for,
)
from tests.bench.viewing import Samples, View, chromium, new_page
from tests.support.rdp_servers import RdpServer, address_of_its_own, xrdp

WIDTH, HEIGHT = 1280, 720
AREAS = {"patch": "64x64 patch", "full": "whole window"}
ROUNDS = 2
RATIO_LIMIT = 2.0
IDLE_SECONDS = 30
IDLE_CPU_LIMIT = 1.0
DESK = "Bench desk"


@contextlib.contextmanager
def through_rdp(site: Installation, page: Page, server: RdpServer) -> Iterator[Product]:
    """A session that shows the server, in `page`."""
    target = {
        "server": server.address,
        "port": server.port,
        "user_name": server.user_name,
        "certificate": server.fingerprint,
    }
    document = {
        "kind": "application",
        "name": DESK,
        "icon": "none",
        "rdp": target,
        "entitled": {"groups": [GROUP]},
    }
    site.cli("apply", "-f", "-", stdin=json.dumps(document))
    (user,) = add_users(site.clone, site.url, GROUP)
    sign_in(page, site.url, user)
    page.get_by_role("button", name=DESK, exact=True).click()
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/#/session/*")
    expect(page.locator("canvas").first).to_be_visible(timeout=60_000)
    session = page.url.rpartition("/")[2]
    wait_for(lambda: bool(screens(server)))
    wait_for((server.home / ".Xauthority").exists)
    try:
        yield Product(
            name="RDP server",
            url=site.url,
            port=site.port,
            display=screens(server)[0],
            environment={"XAUTHORITY": str(server.home / ".Xauthority")},
            roots=lambda: [client.pid for client in clients(session)],
            versions=f"xfreerdp {debian_version('freerdp2-x11')}, xrdp {debian_version('xrdp')}",
        )
    finally:
        site.cli("session", "logoff", session)


def screens(server: RdpServer) -> list[str]:
    """X displays of the server's user."""
    found = psutil.process_iter(["name", "username", "cmdline"])
    return [
        str(each.info["cmdline"][1])
        for each in found
        if each.info["name"] == "Xorg" and each.info["username"] == server.user_name
    ]


def clients(session: str) -> list[psutil.Process]:
    found = psutil.process_iter(["name", "environ"])
    return [
        each
        for each in found
        if each.info["name"] == "xfreerdp"
        and (each.info["environ"] or {}).get("PORTCULLIS_SESSION") == session
    ]


def measure(
    browser: Browser, samples: int, idle_seconds: float
) -> tuple[dict[str, list[Samples]], float, float, str]:
    """By area: of the host's own program and of the server's; FreeRDP's CPU (percent of a core) and memory, idle."""
    found = {area: [Samples(), Samples()] for area in AREAS}
    folder = Path(tempfile.mkdtemp(prefix="bench-rdp-", dir="/var/tmp"))
    try:
        with (
            address_of_its_own() as address,
            xrdp(folder / "server", "exec sleep 36000", address) as server,
            installation() as site,
            new_page(browser, WIDTH, HEIGHT) as one,
            new_page(browser, WIDTH, HEIGHT) as other,
            portcullis(site, one) as native,
            through_rdp(site, other, server) as bridged,
        ):
            views = [View(one, native, WIDTH, HEIGHT), View(other, bridged, WIDTH, HEIGHT)]
            for _ in range(ROUNDS):
                for area in AREAS:
                    for view, into in zip(views, found[area], strict=True):
                        press(view, area, samples // ROUNDS, into)
            views[1].rest()
            running = [psutil.Process(pid) for pid in bridged.roots()]
            meter = CpuMeter(lambda: running)
            time.sleep(idle_seconds)
            return found, meter.share(), pss_bytes(running) / 1e6, bridged.versions
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def press(view: View, area: str, count: int, into: Samples) -> None:
    view.page.bring_to_front()
    with view.product.application("colours", WIDTH, HEIGHT, "--area", area):
        view.settle()
        samples = view.press_keys(count)
    into.milliseconds += samples.milliseconds
    into.gaps += samples.gaps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=120)
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    arguments = parser.parse_args()
    with chromium() as browser:
        found, cpu, megabytes, versions = measure(browser, arguments.samples, arguments.idle_seconds)
        facts = {"chromium": browser.version, "size": f"{WIDTH}x{HEIGHT}", "rdp": versions}
    figures = [figure for area, title in AREAS.items() for figure in compared(title, *found[area])]
    figures += [
        Figure("FreeRDP, a session in which nothing happens, CPU", cpu, "% of a core", limit=IDLE_CPU_LIMIT),
        Figure("FreeRDP, memory", megabytes, "MB"),
    ]
    series = [
        Series(f"{title}: {name}", one.milliseconds)
        for area, title in AREAS.items()
        for name, one in zip(("on the host", "RDP server"), found[area], strict=True)
    ]
    report("rdp", figures, series, facts)


def compared(title: str, native: Samples, bridged: Samples) -> list[Figure]:
    return [
        Figure(
            f"key press -> pixel through an RDP server, {title}, {label}",
            percentile(bridged.milliseconds, percent),
            "ms",
            peer=percentile(native.milliseconds, percent),
            peer_name="the same on the host",
            ratio_limit=RATIO_LIMIT,
            note=f"(read every {percentile(bridged.gaps, 50):.1f} / {percentile(native.gaps, 50):.1f} ms)",
        )
        for percent, label in ((50, "median"), (95, "p95"))
    ]


if __name__ == "__main__":
    main()
