"""Click on a tile until the first picture that is right, in real Chromium through the real quickstart, stage by stage.

    .venv/bin/python -m tests.bench.bench_first_picture

With a session prepared ahead and without, in one run, beside the bare application on a bare Xvfb. The picture is right
when every pixel is the one that stays: xterm with its prompt. What the page does is seen by launch_probe.js.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import time
from itertools import pairwise

from playwright.async_api import Page, async_playwright

from portcullis.quickstart import instance
from tests.bench.bench_launch import bare
from tests.bench.figures import Figure, report
from tests.bench.products import Installation, installation
from tests.e2e.conftest import TREE
from tests.e2e.portal import Person, sign_in

ROUNDS = 5
APPLICATION = "XTerm"
CHROMIUM = "/usr/bin/chromium"
RESTED_MS = 1000
PATIENCE_SECONDS = 60
BETWEEN_SECONDS = 8
"""For the next session to be prepared ahead."""
LIMITS = {"prepared ahead": 400.0, "anew": 1200.0}


def restart(site: Installation, warm_sessions: int) -> None:
    found = instance.load(site.clone)
    (found.state / "agent" / "settings.yaml").write_text(json.dumps({"warm_sessions": warm_sessions}))
    for arguments in (("--stop",), ()):
        command = ["deploy/quickstart.sh", "--no-install", *arguments]
        subprocess.run(command, cwd=site.clone, check=True, capture_output=True)


async def launch(page: Page, site: Installation) -> dict[str, float]:
    """Milliseconds from the click to each stage; the session is gone afterwards."""
    await page.get_by_role("button", name=APPLICATION, exact=True).click()
    deadline = time.monotonic() + PATIENCE_SECONDS
    rested = (
        "launchProbe.pictures.length > 0 &&"
        f" performance.timeOrigin + performance.now() - launchProbe.pictures.at(-1).at > {RESTED_MS}"
    )
    while not await page.evaluate(rested):
        if time.monotonic() > deadline:
            raise TimeoutError(await page.inner_text("body"))
        await page.wait_for_timeout(100)
    marks = dict(await page.evaluate("launchProbe.marks"))
    pictures = await page.evaluate("launchProbe.judge()")
    right = next(picture["end"] for picture in pictures if picture["same"] == 1)
    await asyncio.to_thread(site.cli, "session", "logoff", page.url.rpartition("/")[2])
    await page.goto(site.url)
    await page.get_by_label("Search applications").wait_for()
    return {name: at - marks["click"] for name, at in {**marks, "right picture": right}.items()}


async def measure(page: Page, site: Installation) -> list[dict[str, float]]:
    runs = []
    for _ in range(ROUNDS):
        await page.wait_for_timeout(1000 * BETWEEN_SECONDS)
        runs.append(await launch(page, site))
    return runs


async def both(site: Installation) -> dict[str, list[dict[str, float]]]:
    person = Person(site.facts["username"], site.facts["password"], site.facts["totp_secret"])
    found = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        page = await context.new_page()
        await page.add_init_script(path=TREE / "tests/bench/launch_probe.js")
        await sign_in(page, site.url, person)
        for name, warm_sessions in (("prepared ahead", 1), ("anew", 0)):
            await asyncio.to_thread(restart, site, warm_sessions)
            await page.goto(site.url)
            found[name] = await measure(page, site)
        await browser.close()
    return found


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of the stages that every run passed, in their order."""
    shared = [name for name in runs[0] if all(name in run for run in runs)]
    return dict(
        sorted(((name, statistics.median(run[name] for run in runs)) for name in shared), key=lambda x: x[1])
    )


def main() -> None:
    bares = [1000 * bare() for _ in range(ROUNDS)]
    with installation() as site:
        found = asyncio.run(both(site))
    peer = statistics.median(bares)
    figures = [Figure(f"bare {APPLICATION} to window", peer, "ms")]
    stages = {}
    for name, runs in found.items():
        stages[name] = medians(runs)
        value = stages[name]["right picture"]
        figures.append(
            Figure(f"click to right picture, {name}", value, "ms", LIMITS[name], peer, "bare, to window")
        )
    for name, reached in stages.items():
        print(f"{name}:")
        for (_, before), (stage, at) in pairwise(reached.items()):
            print(f"  {at:8.1f} ms  (+{at - before:6.1f})  {stage}")
    report("first_picture", figures, facts={"ms to stage": stages, "rounds": ROUNDS})


if __name__ == "__main__":
    main()
