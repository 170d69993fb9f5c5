"""A broker whose disk is full: changes are refused with a code, what runs goes on, and room is all that it needs."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.app import Broker
from broker.grid.grid import GridUnavailable, Put
from portcullis.errors import Unavailable
from tests.support.running_broker import broker_settings, running_broker

SIZE = "6m"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "full"
    with pytest.raises(OSError, match="No space left"), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return path


async def written(grid, count: int) -> tuple[set[str], int]:
    """Keys that were acknowledged, of so many large ones, and how many were refused."""
    calls = [grid.txn([], [Put(f"/big/{number}", bytes(30_000))]) for number in range(count)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(result, GridUnavailable) for result in refused), refused
    done = enumerate(results)
    return {f"/big/{number}" for number, result in done if not isinstance(result, BaseException)}, len(
        refused
    )


async def read_again(grid) -> None:
    """After a refusal memory is read from the file anew, which takes its moment."""
    while True:
        try:
            await grid.range("/big/")
        except GridUnavailable:
            await asyncio.sleep(0)
        else:
            return


async def keys(grid) -> set[str]:
    return {item.key for item in (await grid.range("/big/")).items}


async def test_full_disk_refuses_changes_keeps_sessions_and_passes(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_broker(small) as site, site.agent() as agent:
        grid = site.parts.stores.grid
        session = await site.launch(await site.publish("One"))
        other = await site.publish("Other")
        before, _ = await written(grid, 10)
        full = fill(small)
        during, refused = await written(grid, 200)
        assert refused > 0
        with pytest.raises(GridUnavailable):
            for number in itertools.count():  # what little room the log has left
                await grid.txn([], [Put(f"/little/{number}", b"x")])
        with pytest.raises(Unavailable) as failed:
            await site.launch(other)
        assert failed.value.code == "unavailable"
        assert site.parts.sessions.get(site.tenant, session.id) is not None
        assert agent.socket is not None and not agent.socket.closed
        full.unlink()
        await read_again(grid)
        again = await site.launch(other)
        assert again.id != session.id
        after, refused = await written(grid, 20)
        assert refused == 0
        acknowledged = before | during | after
        assert await keys(grid) == acknowledged
    said = [record for record in caplog.records if "could not be written" in record.getMessage()]
    assert len(said) == 1
    broker = Broker(broker_settings(small / "broker"))
    await broker.start()
    assert await keys(broker.parts.stores.grid) == acknowledged
    await broker.stop()
