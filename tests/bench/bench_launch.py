"""Launch to window: a whole session, begun anew and on what was prepared ahead, against the bare application on a bare
X server, in turns in the same run; and the memory that the session's own processes hold.

The bare one is what no product can beat: Xvfb of the same size, the application, its first mapped window. The
session adds leader, accounts, cookie, bus, worker and window manager, and waits for size and keyboard.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import xcffib
import xcffib.xproto

from agents.linux import display
from agents.linux.accounts import remove_accounts
from agents.linux.launch_line import WORKER_COMMAND
from agents.linux.launcher import end_all
from agents.linux.usage import parent_of, proportional_bytes
from portcullis.protocol.worker_channel import Status, WorkerState
from tests.bench.figures import Figure, report
from tests.support.patience import until
from tests.support.session_host import Host
from tests.support.told import until_ended, until_told

ROUNDS = 5
APPLICATION = "xterm"
MEGABYTES = 100.0


def bare() -> float:
    """Seconds from nothing to the first mapped window."""
    read_end, write_end = os.pipe()
    began = time.perf_counter()
    command = [*display.command(96), "-displayfd", str(write_end)]
    server = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
    os.close(write_end)
    with os.fdopen(read_end) as number:
        name = ":" + number.readline().strip()
    connection = xcffib.connect(name)
    root = connection.get_setup().roots[0].root
    mask = xcffib.xproto.EventMask.SubstructureNotify
    connection.core.ChangeWindowAttributes(root, xcffib.xproto.CW.EventMask, [mask])
    connection.flush()
    application = subprocess.Popen([APPLICATION], env={"DISPLAY": name, "PATH": os.environ["PATH"]})
    while not isinstance(connection.wait_for_event(), xcffib.xproto.MapNotifyEvent):
        pass
    seconds = time.perf_counter() - began
    connection.disconnect()
    for process in (application, server):
        process.terminate()
        process.wait()
    return seconds


async def session(host: Host, ahead: int) -> dict[str, float]:
    """Seconds to each stage, and megabytes (PSS) of leader, worker and display. `ahead`: sessions prepared ahead."""
    order = host.order(APPLICATION)
    launcher = host.launcher(WORKER_COMMAND)

    async def are_ready() -> bool:
        await launcher.keep_ready(ahead)
        return launcher.ready >= ahead

    await until(are_ready)
    began = time.perf_counter()
    link = await launcher.launch(order, host.start(order))
    reached = {"leader": time.perf_counter() - began}
    pids: dict[str, int] = {}

    def note(message: object) -> bool:
        if isinstance(message, Status):
            pids.update(message.processes)
            reached.setdefault(message.stage, time.perf_counter() - began)
        return isinstance(message, WorkerState) and message.windows > 0

    await until_told(link, note)
    reached["window"] = time.perf_counter() - began
    own = (pids["display"], pids["worker"], parent_of(pids["worker"]))
    reached["megabytes"] = sum(map(proportional_bytes, own)) / 1e6
    link.end("logged_off", 0)
    await until_ended(link)
    reached["ended"] = time.perf_counter() - began
    await link.close()
    return reached


async def measure(host: Host) -> None:
    await session(host, 0)  # makes the accounts
    runs: dict[int, list[dict[str, float]]] = {0: [], 1: []}
    bares = []
    for _ in range(ROUNDS):
        bares.append(await asyncio.to_thread(bare))
        for ahead in runs:
            runs[ahead].append(await session(host, ahead))
    bare_ms = 1000 * statistics.median(bares)
    figures = [Figure(f"bare {APPLICATION} to window", bare_ms, "ms")]
    stages = {}
    for ahead, name in ((0, "anew"), (1, "prepared ahead")):
        medians = {stage: statistics.median(run[stage] for run in runs[ahead]) for stage in runs[ahead][0]}
        stages[name] = {stage: round(value, 3) for stage, value in medians.items()}
        window_ms = 1000 * medians["window"]
        figures.append(Figure(f"session {name} to window", window_ms, "ms", None, bare_ms, "bare"))
        memory = medians["megabytes"]
        figures.append(Figure(f"leader, worker and display, {name}", memory, "MB PSS", MEGABYTES))
    report("launch", figures, facts={"seconds to stage": stages, "rounds": ROUNDS})
    print(stages)


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
