"""Hosts whose clock is hours off, and is set while sessions run: grants are judged by the brokers' time."""

import time

import pytest

from portcullis.protocol import messages as m
from portcullis.protocol.worker_channel import GrantKeys
from tests.support.stream_client import StreamClosed
from tests.support.worker_session import WorkerSession
from tests.support.xserver import x_server

HOURS = 3600.0


@pytest.fixture
def x():
    with x_server() as server:
        yield server


def base(ahead: float) -> float:
    """What an agent tells whose broker is so many seconds ahead of this machine."""
    return time.time() + ahead - time.monotonic()


@pytest.mark.parametrize("ahead", [-2 * HOURS, 2 * HOURS], ids=["host is fast", "host is slow"])
async def test_good_grant_is_taken_and_an_expired_one_refused_whatever_the_hosts_clock_says(x, ahead):
    session = WorkerSession(x)
    await session.launch()
    try:
        session.tell(session.start_line(clock=base(ahead)))
        await session.until(lambda: session.state is not None)
        now = time.time() + ahead
        client = await session.attach(issued=now, expires=now + 60)
        await client.receive(m.Welcome)
        session.e += 1
        late = await session.dial(session.signed(issued=now - 600, expires=now - 1))
        assert (await late.until_closed()).reason == "grant_refused"
        assert client.closed is None
    finally:
        await session.stop()


async def test_attached_client_stays_when_the_brokers_time_is_learned_anew_and_ends_with_its_grant(x):
    session = WorkerSession(x)
    await session.start()
    try:
        client = await session.attach_drawn()
        session.tell(GrantKeys(session.grant_keys(), base(300)))
        client.send(m.Ping(1))
        await client.until(lambda: m.Pong(1) in client.messages)
        session.tell(GrantKeys(session.grant_keys(), base(2 * HOURS)))
        session.e += 1
        old = session.signed()  # good for ten minutes of this machine's time
        refused = await session.dial(old)
        with pytest.raises(StreamClosed) as closed:
            await refused.attach(old, session.key, session=session.session, e=session.e)
        assert closed.value.reason == "grant_refused"
    finally:
        await session.stop()
