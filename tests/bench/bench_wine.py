"""Launch to window of a Windows program through Wine, the first time (the copy is made) and again, beside a native
program under the same launcher in the same run; what the copy and the session take.

    tests/run.sh bench wine        (or python -m tests.bench.bench_wine)
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from agents.linux import groups
from agents.linux.accounts import remove_accounts
from agents.linux.launch_line import WORKER_COMMAND
from agents.linux.launcher import LinuxLauncher, end_all, this_machine
from agents.linux.usage import proportional_bytes
from agents.linux.wine import making
from agents.linux.wine.bridge import WineHost
from agents.linux.wine.templates import Templates
from portcullis.ids import new_id
from portcullis.model.wine import WineProgram
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import Status
from tests.bench.figures import Figure, report
from tests.support.session_host import Host, until_window, variables
from tests.support.told import until_ended

ROUNDS = 5
NATIVE = "mousepad"
NOTEPAD = WineProgram("bench", "C:\\windows\\notepad.exe")
AGAIN_RATIO = 4.0


async def window(host: Host, launcher: LinuxLauncher, order: Order) -> tuple[float, float]:
    """Seconds to the first window, and megabytes (PSS) of all that the user's account runs."""
    began = time.perf_counter()
    link = await launcher.launch(order, host.start(order))
    status, _ = await until_window(link)
    seconds = time.perf_counter() - began
    megabytes = sum(map(proportional_bytes, programs(order, status))) / 1e6
    link.end("logged_off", 3)
    await until_ended(link)
    await link.close()
    return seconds, megabytes


def programs(order: Order, status: Status) -> list[int]:
    """Of the application alone: display, worker, bus and window manager are every session's."""
    own = {pid for name, pid in status.processes.items() if name != "application"}
    found = [each for each in psutil.process_iter() if each.pid not in own]
    return [each.pid for each in found if variables(each).get("PORTCULLIS_SESSION") == order.session]


async def measure(host: Host, templates: Templates) -> None:
    began = time.perf_counter()
    template = making.make(templates, making.Wanted("bench"))
    made = time.perf_counter() - began
    held = sum(path.lstat().st_size for path in template.folder.rglob("*")) / 1e6
    limits = groups.Limits(4096, 2048)
    launcher = LinuxLauncher(
        *(host.runtime, host.accounts, groups.detect(), limits, this_machine(), WORKER_COMMAND),
        wine_host=WineHost(templates),
    )
    await window(host, launcher, host.order(NATIVE))  # makes the accounts
    native, first, again = [], [], []
    for _ in range(ROUNDS):
        native.append(await window(host, launcher, host.order(NATIVE)))
        order = replace(host.order(), command=(), wine=NOTEPAD, application_id=new_id())
        first.append(await window(host, launcher, order))
        again.append(await window(host, launcher, replace(order, session=secrets.token_hex(8))))
    native_ms, first_ms, again_ms = (
        1000 * statistics.median(seconds for seconds, _ in runs) for runs in (native, first, again)
    )
    native_mb, again_mb = (statistics.median(megabytes for _, megabytes in runs) for runs in (native, again))
    figures = [
        Figure(f"native, {NATIVE} to window", native_ms, "ms"),
        Figure("Notepad to window, first launch", first_ms, "ms", None, native_ms, "native"),
        Figure("Notepad to window, again", again_ms, "ms", None, native_ms, "native", AGAIN_RATIO),
        Figure("Notepad with Wine's own processes", again_mb, "MB PSS", None, native_mb, "native"),
        Figure("a template, and each copy of it", held, "MB"),
        Figure("making a template", 1000 * made, "ms"),
    ]
    report("wine", figures, facts={"rounds": ROUNDS, "wine": template.wine})


def main() -> None:
    root = Path("/tmp") / f"pct-{secrets.token_hex(4)}"
    root.mkdir(mode=0o755)
    host = Host(root, f"pt{secrets.token_hex(3)}")
    state = Path(tempfile.mkdtemp(prefix="pct-wine-"))
    try:
        asyncio.run(measure(host, Templates.of_state(state)))
    finally:
        asyncio.run(end_all(host.runtime, 0))
        remove_accounts(host.prefix)
        for folder in (root, state):
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
