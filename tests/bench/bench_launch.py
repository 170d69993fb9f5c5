"""Launch to window: a whole session against the bare application on a bare X server, in turns in the same run.

The bare one is what no product can beat: Xvfb of the same size, the application, its first mapped window. The
session adds leader, accounts, cookie, bus, worker and window manager, and waits for size and keyboard.
"""

from __future__ import annotations

import asyncio
import json
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
from agents.linux.launcher import WORKER_COMMAND, end_all
from portcullis.protocol.worker_channel import Status, WorkerState
from tests.support.session_host import Host, until, until_ended

ROUNDS = 9
APPLICATION = "xterm"


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


async def session(host: Host) -> dict[str, float]:
    """Seconds to each stage."""
    order = host.order(APPLICATION)
    began = time.perf_counter()
    link = await host.launcher(WORKER_COMMAND).launch(order, host.start(order))
    reached = {"leader": time.perf_counter() - began}

    def note(message: object) -> bool:
        if isinstance(message, Status):
            reached.setdefault(message.stage, time.perf_counter() - began)
        return isinstance(message, WorkerState) and message.windows > 0

    await until(link, note)
    reached["window"] = time.perf_counter() - began
    link.end("logged_off", 0)
    await until_ended(link)
    reached["ended"] = time.perf_counter() - began - reached["window"]
    await link.close()
    return reached


async def measure(host: Host) -> dict[str, object]:
    await session(host)  # makes the accounts
    sessions, bares = [], []
    for _ in range(ROUNDS):
        bares.append(await asyncio.to_thread(bare))
        sessions.append(await session(host))
    medians = {stage: statistics.median(run[stage] for run in sessions) for stage in sessions[0]}
    return {
        "application": APPLICATION,
        "rounds": ROUNDS,
        "session_seconds": {stage: round(seconds, 3) for stage, seconds in medians.items()},
        "bare_seconds": round(statistics.median(bares), 3),
        "ratio": round(medians["window"] / statistics.median(bares), 2),
    }


def main() -> None:
    root = Path("/tmp") / f"pct-{secrets.token_hex(4)}"
    root.mkdir(mode=0o755)
    host = Host(root, f"pt{secrets.token_hex(3)}")
    try:
        print(json.dumps(asyncio.run(measure(host)), indent=2))
    finally:
        asyncio.run(end_all(host.runtime, 0))
        remove_accounts(host.prefix)
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
