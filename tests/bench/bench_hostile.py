"""Key to frame of a session while another user's application does its worst beside it, against the quiet before.

    python tests/bench/bench_hostile.py [--keys 30] [NAME...]

One host, as in tests/integration/abuse_host: sessions of 512 MB and 200 processes. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from agents.linux import groups
from agents.linux.accounts import remove_accounts
from agents.linux.launcher import end_all
from tests.bench.figures import Figure, report
from tests.support.abused_host import AbusedHost, latencies
from tests.support.session_host import Host

PROGRAMS = {
    "forks away": ("forks.py", "away"),
    "forks": ("forks.py",),
    "eats memory": ("eats_memory_aside.py",),
    "every pixel at 240 a second": ("paints.py",),
    "resizes": ("resizes.py",),
    "X requests": ("requests.py",),
    "cursors": ("cursors.py",),
    "title of 1 MB": ("long_title.py",),
    "clipboard without end": ("clipboard.py", "pieces"),
    "prints 100 MB": ("prints.py",),
    "200 windows": ("many_windows.py",),
    "grabs the server": ("grabs.py", "server"),
}


async def measure(abused: AbusedHost, names: list[str], keys: int) -> list[Figure]:
    typist = await abused.launch("xterm", "-e", "cat", user="0" * 16)
    client = await typist.attach()
    await latencies(client, 5)
    figures = []
    for name in names:
        quiet = statistics.median(await latencies(client, keys)) * 1e3
        session = await abused.launch(*PROGRAMS[name])
        viewer = await session.attach()
        busy = sorted(await latencies(client, keys))
        await session.log_off()
        await viewer.until_closed()
        await abused.forget(session)
        for what, seconds in (("median", statistics.median(busy)), ("p95", busy[int(keys * 0.95)])):
            figures.append(
                Figure(
                    f"{name}: key to frame, {what}", seconds * 1e3, "ms", peer=quiet, peer_name="quiet median"
                )
            )
    return figures


async def run(arguments: argparse.Namespace) -> list[Figure]:
    root = Path("/tmp") / f"pct-{secrets.token_hex(4)}"
    root.mkdir(mode=0o755)
    host = Host(root, f"pt{secrets.token_hex(3)}")
    abused = AbusedHost(host, root, limits=groups.Limits(512, 200))
    await abused.start()
    try:
        return await measure(abused, arguments.names or list(PROGRAMS), arguments.keys)
    finally:
        await abused.stop()
        await end_all(host.runtime, 0)
        remove_accounts(host.prefix)
        shutil.rmtree(root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=30)
    parser.add_argument("names", nargs="*", choices=[*PROGRAMS, []])
    report("hostile", asyncio.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
