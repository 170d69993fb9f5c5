"""A worker keeps nothing of viewers who left and of sizes that the display had."""

import asyncio
from pathlib import Path

from portcullis.protocol import messages as m
from portcullis.protocol.operations import OPERATIONS, VIDEO_H264

SIZES = (800, 600), (640, 480), (1024, 700)
WARM_UP, MORE = 12, 25
A_VIEWER_BYTES = 16 << 10
"""Less than the smallest picture that one has: what would be kept of each."""
DRAWS = sum(1 << operation.KIND for operation in OPERATIONS)


async def see(session, count):
    """So many viewers, one after the other: each types, resizes and goes."""
    for number in range(count):
        client = await session.attach(new_ticket=number % 2 == 0)
        client.send(m.Capabilities(DRAWS, VIDEO_H264), m.WatchQuality(True))
        size = SIZES[number % len(SIZES)]
        client.send(m.Resize(*size, 100))
        client.key("KeyA", "a")
        await client.until(lambda client=client, size=size: client.picture.shape[1::-1] == size)
        await session.until_drawn(client)
        await client.drop()
        session.clients.remove(client)
    await session.until(lambda: session.state.connections == 0)


async def own_bytes(session):
    """What it holds at rest: the least of a moment, for it gives back just after it has said that it is alone."""
    status = Path(f"/proc/{session.process.pid}/status")
    readings = []
    for _ in range(10):
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("RssAnon"))
        readings.append(int(line.split()[1]) << 10)
        await asyncio.sleep(0.02)
    return min(readings)


async def test_viewers_and_sizes_that_were_leave_nothing(session):
    await see(session, WARM_UP)
    before = await own_bytes(session)
    await see(session, MORE)
    after = await own_bytes(session)
    assert after - before < MORE * A_VIEWER_BYTES
