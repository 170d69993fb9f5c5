"""Many sessions on this machine, through the real quickstart: time to start each, memory of one, CPU of the services.

    .venv/bin/python -m tests.bench.bench_many_sessions --sessions 60

Each is xterm, published under ten names (a user has one session of an application, and ten sessions), launched over the
REST API by people who signed in.
The instance is started anew first, with the slots.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import time
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from agents.linux.usage import parent_of, proportional_bytes
from portcullis.quickstart import instance
from tests.bench.figures import Figure, report
from tests.bench.people import add_users
from tests.bench.products import Installation, installation
from tests.support.browser import ApiBrowser
from tests.support.patience import until_now

SESSIONS = 60
SESSIONS_A_USER = 10
"""What the site allows."""
GROUP = "many"
IDLE_SECONDS = 10
PATIENCE_SECONDS = 180


def give_slots(site: Installation, count: int) -> None:
    """And wait until the broker knows of them."""
    found = instance.load(site.clone)
    settings = found.state / "agent" / "settings.yaml"
    settings.write_text(json.dumps({"slots": count, "session_memory_mb": 512}))
    for arguments in (("--stop",), ()):
        command = ["deploy/quickstart.sh", "--no-install", *arguments]
        subprocess.run(command, cwd=site.clone, check=True, capture_output=True)
    until_now(
        lambda: any(host["slots"] == count and host["online"] for host in listed(site, "hosts")),
        PATIENCE_SECONDS,
    )


def listed(site: Installation, noun: str) -> list[dict]:
    answer = json.loads(site.cli("get", noun, "--json"))
    return answer["items"] if isinstance(answer, dict) else answer


async def launch(browser: ApiBrowser, application: str) -> tuple[str, float]:
    """The session's id, and seconds until it was ready."""
    began = time.perf_counter()
    body = {"application": application, "display": {"width": 1280, "height": 720}}
    answer = await browser.change("POST", "/api/v1/sessions", body)
    if answer.status != 201:
        raise RuntimeError(answer.body.decode())
    session = answer.json["session"]["id"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in browser.events(f"/api/v1/sessions/{session}/stages"):
            if event.name == "failed":
                raise RuntimeError(str(event))
    return session, time.perf_counter() - began


@asynccontextmanager
async def sessions(site: Installation, count: int):
    """Ids of as many running sessions, and the seconds that each took."""
    names = [f"many-{number}" for number in range(SESSIONS_A_USER)]
    for name in names:
        site.publish(name, GROUP, ["xterm"])
    ids = [item["id"] for item in listed(site, "applications") if item["name"] in names]
    users = add_users(site.clone, site.url, GROUP, -(-count // SESSIONS_A_USER))
    started = []
    for user in users:
        async with ApiBrowser(site.url) as browser:
            await browser.sign_in(user.name, user.password)
            await browser.sign_in(user.name, user.password, user.code())
            started += [await launch(browser, application) for application in ids[: count - len(started)]]
    yield started


def megabytes_of(runtime: Path, session: str) -> float:
    """PSS of leader, worker and display."""
    facts = json.loads((runtime / "sessions" / session / "session.json").read_text())
    own = set()
    for process in psutil.process_iter(["pid", "environ", "uids"]):
        mark = (process.info["environ"] or {}).get("PORTCULLIS_SESSION")
        if mark in (facts["mark"], session) and process.info["uids"].real == facts["uids"]["worker"]:
            own.add(process.info["pid"])
    own.add(parent_of(next(iter(own))))
    return sum(map(proportional_bytes, own)) / 1e6


def idle_shares(site: Installation) -> dict[str, float]:
    """Percent of a core of broker, gateway and agent."""
    processes = [psutil.Process(pid) for pid in site.processes()]

    def used() -> list[float]:
        return [sum(process.cpu_times()[:2]) for process in processes]

    before = used()
    time.sleep(IDLE_SECONDS)
    shares = [100 * (now - then) / IDLE_SECONDS for now, then in zip(used(), before, strict=True)]
    return dict(zip(("broker", "gateway", "agent"), shares, strict=True))


async def measure(site: Installation, count: int) -> None:
    runtime = instance.load(site.clone).runtime
    async with sessions(site, count) as started:
        seconds = [took for _, took in started]
        shares = await asyncio.to_thread(idle_shares, site)
        size = statistics.mean(megabytes_of(runtime, session) for session, _ in (started[0], started[-1]))
    tenth = max(1, count // 10)
    report(
        "many_sessions",
        [
            Figure(f"launch to ready, first {tenth}", 1000 * statistics.median(seconds[:tenth]), "ms"),
            Figure(f"launch to ready, last {tenth}", 1000 * statistics.median(seconds[-tenth:]), "ms"),
            Figure("leader, worker and display of one", size, "MB PSS", 100.0),
            *(Figure(f"{name}, {count} idle", share, "% of a core") for name, share in shares.items()),
        ],
        facts={"sessions": count},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Many sessions on this machine.")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    count = parser.parse_args().sessions
    with installation() as site:
        give_slots(site, count)
        asyncio.run(measure(site, count))


if __name__ == "__main__":
    main()
