"""The worker itself on Windows: its stream to a client is the desktop, over TLS that trusts its own site alone."""

from __future__ import annotations

import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from broker.pki import certificates
from portcullis.protocol.operations import VIDEO_H264, VIDEO_H264_444
from portcullis.protocol.worker_channel import Closing, Dial, DialFailed, Gateway, GrantKeys
from tests.support import windows_film
from tests.support.windows_python import CLONE
from tests.support.wine import Wine
from tests.support.wine_worker import wine_worker


@pytest.fixture
def film(windows: Wine):
    program = windows.start_python(windows.path(CLONE / "tests/support/windows_film.py"), "640", "480", "30")
    yield program
    program.kill()
    program.wait()


async def test_what_a_client_sees_is_the_desktop_to_the_pixel_and_as_video_while_it_moves(windows, film):
    async with wine_worker(windows) as session:
        client = await session.attach()
        client.draws(video=VIDEO_H264 | VIDEO_H264_444)
        seen = set()
        client.on_message = lambda message: seen.add(windows_film.number_of(client.picture))
        await client.until(lambda: client.viewer.pictures > 20 and len(seen) > 20)
        codecs = {stream.codec[:5] for stream in client.viewer.streams.values()}
        assert codecs == {"avc1."}
        before = windows_film.answer_of(client.picture)
        client.key("KeyA", "a")
        await client.until(lambda: windows_film.answer_of(client.picture) is not before)
        film.kill()
        await session.until_drawn(client)
        session.tell(Closing(4410, "session_ended"))
        assert await session.ended() == 0, session.log


async def test_a_gateway_of_another_name_or_another_site_is_not_spoken_to(windows):
    async with wine_worker(windows) as session:
        name, site = "ab" * 32, "cd" * 32
        session.tell(Dial(Gateway("another", f"127.0.0.1:{session.port}"), name, session.signed()))
        await session.until(lambda: DialFailed(name, "certificate_refused") in session.lines)
        other = certificates.make_ca(certificates.new_key(), "0" * 16, time.time())
        other_pem = other.public_bytes(Encoding.PEM).decode()
        session.tell(GrantKeys(session.grant_keys(), ca=other_pem))
        session.tell(Dial(Gateway("gate", f"127.0.0.1:{session.port}"), site, session.signed()))
        await session.until(lambda: DialFailed(site, "gateway_unreachable") in session.lines)


def test_the_clock_of_a_worker_has_no_steps_of_16_ms(windows):
    code = (
        "from agents.worker.event_loop import new_event_loop; loop = new_event_loop();"
        "print(len({loop.time() for _ in range(1000)})); loop.close()"
    )
    assert int(windows.python("-c", code).stdout) > 900
