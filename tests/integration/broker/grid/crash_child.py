"""Commits for ever and prints each revision after it was acknowledged: killed by `test_crash_durability`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import Put

WRITERS = 8


async def main(path: Path, life: str) -> None:
    grid = await EmbeddedGrid.open(path)

    async def write(writer: int) -> None:
        number = 0
        while True:
            keys = [f"/{life}/{writer}/{number}", f"/{life}/{writer}/{number}/twin"]
            result = await grid.txn([], [Put(key, key.encode()) for key in keys])
            sys.stdout.write(f"{keys[0]} {result.revision}\n")
            sys.stdout.flush()
            number += 1

    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
