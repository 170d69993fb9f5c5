"""How long it takes until a revoked connection is closed at the browser, and how long a panic, with and without quorum.

    tests/run.sh bench revocation

Two brokers on three real etcd members, a gateway, a host with the real agent, and 50 live connections through all of
them; without quorum two of the three members are dead. Leader and display are missing, nothing else (see
tests/support/revocation_site.py). What is waited for is the Close at the client.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, percentile, report
from tests.support.revocation_site import LiveStream, Person, RevocationSite, revocation_site

LIMIT_SECONDS = 2.0
PANIC_LIMIT_SECONDS = 5.0


async def revoke(site: RevocationSite, person: Person, stream: LiveStream) -> float:
    began = time.perf_counter()
    status, answer = await site.api("POST", f"admin/users/{person.user.name}/sign-out", {})
    if status != 200:
        raise RuntimeError(f"refused: {answer}")
    await stream.closed()
    return time.perf_counter() - began


async def panic(site: RevocationSite, streams: list[LiveStream]) -> float:
    began = time.perf_counter()
    asked = asyncio.ensure_future(site.api("POST", "admin/panic", {"confirm": "lab"}))
    await asyncio.gather(*(stream.closed() for stream in streams))
    seconds = time.perf_counter() - began
    status, answer = await asked
    if status != 200:
        raise RuntimeError(f"refused: {answer}")
    return seconds


async def measure(folder: Path, connections: int, *, quorum: bool) -> tuple[list[float], float]:
    """Seconds of each revocation, one after the other, and of a panic under all connections."""
    async with revocation_site(folder, brokers=2, etcd=True, slots=connections) as site:
        people = [await site.person(f"u{number}") for number in range(connections)]
        streams = [await site.attach(person) for person in people]
        if not quorum:
            await site.lose_quorum()
            await site.until_degraded()
        half = connections // 2
        taken = [await revoke(site, *pair) for pair in zip(people[:half], streams[:half], strict=True)]
        if quorum:
            streams[:half] = [await site.attach(await site.sign_in(person)) for person in people[:half]]
        return taken, await panic(site, streams if quorum else streams[half:])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=50)
    arguments = parser.parse_args()
    figures = []
    for quorum in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            taken, panicked = await measure(Path(folder), arguments.connections, quorum=quorum)
        how = "with quorum" if quorum else "without quorum"
        live = arguments.connections if quorum else arguments.connections - arguments.connections // 2
        note = f"{len(taken)} revocations, one after the other"
        figures += [
            Figure(f"revocation, p99, {how}", percentile(taken, 99), "s", LIMIT_SECONDS, note=note),
            Figure(f"revocation, median, {how}", percentile(taken, 50), "s", LIMIT_SECONDS),
            Figure(f"panic, {live} live connections, {how}", panicked, "s", PANIC_LIMIT_SECONDS),
        ]
    report("revocation", figures)


if __name__ == "__main__":
    asyncio.run(main())
