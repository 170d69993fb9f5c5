"""The slow path that other tests rely on: its link by simulated time, its proxy by real sockets."""

import asyncio
import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.patience import patient
from tests.support.slow_path import PACKET_BYTES, Line, Link, slow_path


def arrivals(link, writes):
    """(time, total) at every arrival."""
    pending, total, found = sorted(writes), 0, []
    while True:
        times = [at for at in (pending[0][0] if pending else None, link.next_at()) if at is not None]
        if not times:
            return found
        now = min(times)
        while pending and pending[0][0] <= now:
            link.put(bytes(pending.pop(0)[1]), now)
        if data := link.take(now):
            total += len(data)
            found.append((now, total))


def test_rate_and_delay_decide_when_the_last_byte_arrives():
    found = arrivals(Link(Line(delay=0.04, bits_per_second=80_000)), [(0.0, 10_000)])
    assert found[0][0] == pytest.approx(PACKET_BYTES / 10_000 + 0.04)
    assert found[-1] == (pytest.approx(1.04), 10_000)


def test_burst_passes_at_once_and_is_spent():
    line = Line(bits_per_second=80_000, burst_bytes=14_000)
    found = arrivals(Link(line), [(5.0, 14_000), (5.0, 1000)])
    assert dict((total, at) for at, total in found)[14_000] == 5.0
    assert found[-1][0] == pytest.approx(5.1)


def test_new_rate_holds_for_what_waits():
    link = Link(Line(bits_per_second=8000))
    link.put(bytes(14_000), 0.0)
    assert link.take(0.0) == b""
    link.change(Line(bits_per_second=8_000_000), 1.4)
    late = [link.next_at()]
    while (at := link.next_at()) is not None:
        link.take(at)
        late.append(at)
    assert late[-1] < 3.0 and link.delivered_bytes == 14_000


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 20_000)), min_size=1, max_size=20),
    st.floats(0, 0.3),
    st.floats(0, 0.2),
)
def test_nothing_is_lost_or_early_and_the_same_seed_gives_the_same_times(writes, delay, jitter):
    line = Line(delay, 1e6, jitter)
    found = arrivals(Link(line), writes)
    assert found == arrivals(Link(line), writes)
    assert found[-1][1] == sum(size for _, size in writes)
    assert found[0][0] >= min(at for at, _ in writes) + delay
    assert all(one < other for one, other in itertools.pairwise(found))


@contextlib.asynccontextmanager
async def echoing(line):
    async def echo(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with slow_path("127.0.0.1", server.sockets[0].getsockname()[1], line) as path:
        reader, writer = await asyncio.open_connection("127.0.0.1", path.port)
        yield path, reader, writer
        writer.transport.abort()
    server.close()


async def test_bytes_come_through_in_order_and_late_by_both_delays():
    async with echoing(Line(delay=0.05, jitter=0.01)) as (path, reader, writer):
        data = bytes(range(256)) * 200
        start = asyncio.get_running_loop().time()
        writer.write(data)
        assert await asyncio.wait_for(reader.readexactly(len(data)), patient(10)) == data
        assert asyncio.get_running_loop().time() - start >= 0.1
        assert path.delivered_bytes == (len(data), len(data))


async def test_stall_holds_back_and_resume_brings_all_of_it():
    async with echoing(Line()) as (path, reader, writer):
        path.stall()
        writer.write(b"x" * 5000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        path.resume()
        assert await asyncio.wait_for(reader.readexactly(5000), patient(10)) == b"x" * 5000


async def test_cut_resets_and_refuse_keeps_new_connections_out():
    async with echoing(Line()) as (path, reader, writer):
        writer.write(b"x")
        await asyncio.wait_for(reader.readexactly(1), patient(10))
        path.refuse()
        path.cut()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), patient(10)) == b""
        another, more = await asyncio.open_connection("127.0.0.1", path.port)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(another.read(), patient(10)) == b""
        more.transport.abort()


async def test_end_of_one_side_reaches_the_other_behind_its_bytes():
    async with echoing(Line(delay=0.02)) as (_, reader, writer):
        writer.write(b"last words")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), patient(10)) == b"last words"


async def test_full_queue_holds_the_sender_up():
    async with echoing(Line(bits_per_second=8_000_000, buffer_bytes=64 << 10)) as (path, reader, writer):
        size = 2 << 20
        writer.write(bytes(size))
        most = 0
        for _ in range(64):
            await asyncio.wait_for(reader.readexactly(size // 64), patient(10))
            most = max(most, path.queued_bytes[0])
        assert most <= (64 << 10) + (32 << 10)
