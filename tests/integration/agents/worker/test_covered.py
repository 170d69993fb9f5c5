"""A screen that cannot be seen is told to who looks at it."""

import sys

from portcullis.protocol import messages as m
from tests.support.worker_session import WorkerSession


def covers(client):
    return [message.reason for message in client.messages if isinstance(message, m.Covered)]


async def test_viewer_hears_why_the_screen_cannot_be_seen_and_when_it_can_again(x, tmp_path):
    reason = tmp_path / "reason"
    reason.write_text("")
    session = WorkerSession(x)
    session.command = (sys.executable, "-m", "tests.support.covered_worker", str(reason))
    await session.start()
    try:
        client = await session.attach_drawn()
        assert covers(client) == []
        reason.write_text("locked")
        await client.until(lambda: covers(client) == ["locked"])
        later = await session.attach()
        await later.until(lambda: covers(later) == ["locked"])
        reason.write_text("")
        await later.until(lambda: covers(later) == ["locked", ""])
        assert later.closed is None
    finally:
        await session.stop()
