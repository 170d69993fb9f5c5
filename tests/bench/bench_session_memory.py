"""What sessions hold that only stand there, by how many they are: leaders and workers run anew, and forked.

    tests/run.sh bench session_memory

Memory in proportion (PSS) of all that a session has but its application: leader, worker, display, bus and window
manager; the fork server's is divided among the sessions. Both kinds in the same run, with the time and the processor
time from the order to the window.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import statistics
import time
from collections import Counter
from pathlib import Path

from agents.linux.accounts import remove_accounts
from agents.linux.forking import Forking
from agents.linux.launch_line import WORKER_COMMAND, WORKER_ENVIRONMENT
from agents.linux.launcher import LinuxLauncher, end_all
from agents.linux.leaders import LeaderConnection
from agents.linux.usage import parent_of, proportional_bytes, usage_of
from portcullis.protocol.worker_channel import Status
from tests.bench.figures import Figure, report
from tests.bench.processes import levelled
from tests.support.session_host import Host, until_window
from tests.support.told import until_ended

COUNTS = 1, 5, 20
LIMIT_MB = 90.0
APPLICATION = "xterm"


async def sessions(host: Host, count: int, forking: Forking | None) -> dict[str, float]:
    """Megabytes a session by what holds them, and medians of the seconds and of the worker's processor seconds."""
    launcher = host.launcher(WORKER_COMMAND, forking=forking)
    if forking is not None:  # it stands ready on a host that runs
        await forking.start()
        await levelled(lambda: proportional_bytes(forking.pid))
    begun = [await session(host, launcher, slot) for slot in range(count)]

    def held_now() -> Counter[str]:
        held: Counter[str] = Counter()
        for _, status, _ in begun:
            pids = dict(status.processes) | {"leader": parent_of(status.processes["worker"])}
            held.update(
                {name: proportional_bytes(pid) for name, pid in pids.items() if name != "application"}
            )
        return held

    await levelled(lambda: held_now().total())
    held = held_now()
    if forking is not None and forking.pid is not None:
        held["server"] = proportional_bytes(forking.pid)
    spent = [usage_of(status.processes["worker"]).cpu_seconds for _, status, _ in begun]
    for link, _, _ in begun:
        link.end("logged_off", 0)
    for link, _, _ in begun:
        await until_ended(link)
        await link.close()
    figures = {name: value / count / 1e6 for name, value in held.items()}
    return figures | {
        "all": sum(held.values()) / count / 1e6,
        "seconds": statistics.median(seconds for _, _, seconds in begun),
        "processor": statistics.median(spent),
    }


async def session(host: Host, launcher: LinuxLauncher, slot: int) -> tuple[LeaderConnection, Status, float]:
    order = host.order(APPLICATION, slot=slot)
    began = time.perf_counter()
    link = await launcher.launch(order, host.start(order))
    status, _ = await until_window(link)
    return link, status, time.perf_counter() - began


async def measure(host: Host) -> None:
    await sessions(host, 1, None)  # makes the accounts, and fills the system's own caches
    figures, facts = [], {}
    for count in COUNTS:
        anew = await sessions(host, count, None)
        forking = Forking(WORKER_ENVIRONMENT)
        try:
            forked = await sessions(host, count, forking)
        finally:
            await forking.aclose()
        plural = "session" if count == 1 else "sessions"
        what = f"{count} idle {plural}: a session without its application"
        figures.append(Figure(what, forked["all"], "MB PSS", LIMIT_MB, anew["all"], "run anew"))
        seconds = 1000 * forked["seconds"], 1000 * anew["seconds"]
        name = f"{count} {plural}, one after the other: order to window, median"
        figures.append(Figure(name, seconds[0], "ms", None, seconds[1], "run anew"))
        facts[str(count)] = {"run anew": rounded(anew), "forked": rounded(forked)}
    last = facts[str(COUNTS[-1])]
    spent = [1000 * last[kind]["processor"] for kind in ("forked", "run anew")]
    figures.append(
        Figure("processor time of an idle worker since its start", spent[0], "ms", None, spent[1], "run anew")
    )
    report("session_memory", figures, facts=facts)
    print(facts)


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in sorted(values.items())}


def main() -> None:
    root = Path("/tmp") / f"pct-{secrets.token_hex(4)}"
    root.mkdir(mode=0o755)
    host = Host(root, f"pt{secrets.token_hex(3)}")
    try:
        asyncio.run(measure(host))
    finally:
        asyncio.run(end_all(host.runtime, 0))
        remove_accounts(host.prefix)
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
