"""A process that is killed in the middle of its commits loses nothing that it had acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from broker.grid.embedded import EmbeddedGrid

CHILD = Path(__file__).with_name("crash_child.py")


async def run_and_kill(path: Path, life: int, after_lines: int) -> dict[str, int]:
    """{key: revision} of what the child acknowledged until it was killed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(path), str(life), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    lines = [await child.stdout.readline() for _ in range(after_lines)]
    child.kill()
    lines += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return {key: int(revision) for key, revision in whole}


@pytest.mark.parametrize("after_lines", [1, 137])
async def test_every_acknowledged_commit_is_there_after_a_kill(tmp_path: Path, after_lines: int) -> None:
    path = tmp_path / "grid.sqlite"
    acknowledged: dict[str, int] = {}
    for life in range(4):
        acknowledged |= await run_and_kill(path, life, after_lines + 50 * life)
        grid = await EmbeddedGrid.open(path)
        snapshot = await grid.range("/")
        await grid.close()
        items = {item.key: item for item in snapshot.items}
        lost = [key for key, revision in acknowledged.items() if items[key].mod_revision != revision]
        assert lost == []
        assert snapshot.revision >= max(acknowledged.values())
        assert all(item.value == key.encode() for key, item in items.items())
        assert all((key if key.endswith("/twin") else f"{key}/twin") in items for key in items)
    assert len(acknowledged) >= 4 * after_lines
