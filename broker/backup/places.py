"""Where a grid lies, as operators name it: `embedded` (grid.sqlite of the state folder), or an etcd address.

Which of the two it is matters to these commands alone: a backup reads an embedded grid beside the broker that has it
open, and a restore sets a damaged file aside instead of emptying it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from broker.grid import keys
from broker.grid.disk import GridInUse, read_whole
from broker.grid.grid import Grid, Snapshot
from broker.grid.opening import EMBEDDED, FILE, GridChoice, open_grid
from portcullis.errors import InvalidInput, Refused


@asynccontextmanager
async def opened(choice: GridChoice, *, may_create: bool) -> AsyncIterator[Grid]:
    """Alone with it, as far as the store can tell. Raises Refused("brokers_run"), InvalidInput, GridError."""
    if not may_create and choice.is_embedded and not choice.file.exists():
        raise InvalidInput("--state", "a folder with a grid, made by `portcullis-broker init`")
    try:
        grid = await open_grid(choice, may_create=may_create)
    except GridInUse as exc:
        raise Refused("brokers_run") from exc
    try:
        yield grid
    finally:
        await grid.close()


async def read(choice: GridChoice) -> Snapshot:
    """All of it at one revision, while brokers run or not. Raises InvalidInput, GridError."""
    if not choice.is_embedded:
        async with opened(choice, may_create=False) as grid:
            return await grid.range(keys.ROOT)
    if not choice.file.exists():
        raise InvalidInput("--state", "a folder with a grid, made by `portcullis-broker init`")
    stored = await asyncio.to_thread(read_whole, choice.file)
    items = sorted(
        (item for item in stored.items if item.key.startswith(keys.ROOT)), key=lambda item: item.key
    )
    return Snapshot(stored.revision, tuple(items))


def set_aside(choice: GridChoice) -> list[Path]:
    """Take the files of an embedded grid out of the way; what they are called now. Raises OSError."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    moved = []
    for suffix in ("", "-wal", "-shm"):
        path = choice.file.with_name(FILE + suffix)
        if path.exists():
            moved.append(path.rename(path.with_name(f"{FILE}.replaced-{stamp}{suffix}")))
    return moved


def at(choice: GridChoice, address: str) -> GridChoice:
    """The grid of that address, by the same files. Raises InvalidInput."""
    found = GridChoice(address, choice.state) if address == EMBEDDED else choice.at(address)
    found.check()
    return found


@contextlib.contextmanager
def as_owner(state: Path) -> Iterator[None]:
    """For root: what is made in the state folder meanwhile belongs to its owner, and is readable to the broker."""
    owner = state.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
