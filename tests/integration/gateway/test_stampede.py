"""A whole office comes back through one gateway, from one address, at one moment."""

from __future__ import annotations

import asyncio
import resource

import pytest
from websockets.exceptions import ConnectionClosed

from portcullis.protocol.messages import Admitted, decode
from tests.integration.gateway.small_site import admit_grant, small_site
from tests.support.patience import patient, until

CLIENTS = 300


class Client:
    """Resumes with its grant, as the page does: again, with a wait, until it is in."""

    def __init__(self, site, number: int) -> None:
        self._site = site
        self._wait = 0.1 + number % 10 / 20
        self.refusals: list[int] = []
        self.socket = None

    async def resume(self) -> None:
        while True:
            self.socket = await self._site.web_socket(open_timeout=30)
            try:
                await self.socket.send(admit_grant(self._site.grant()))
                (message,) = decode(await self.socket.recv())
            except ConnectionClosed as closed:
                self.refusals.append(closed.rcvd.code if closed.rcvd else 1006)
                await asyncio.sleep(self._wait)
            else:
                assert isinstance(message, Admitted)
                return

    async def leave(self) -> None:
        if self.socket is not None:
            self.socket.transport.abort()


@pytest.fixture
def many_files():
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
async def site(tmp_path, many_files):
    async with small_site(tmp_path) as running:
        yield running


async def test_everybody_is_back_and_nobody_was_refused_for_good(site):
    office = [Client(site, number) for number in range(CLIENTS)]
    async with asyncio.timeout(patient(60)):
        await asyncio.gather(*(client.resume() for client in office))
    assert site.gateway.streams.live == 2 * CLIENTS
    assert {code for client in office for code in client.refusals} <= {
        4503
    }  # its worker was late: tried again
    await site.gateway.streams.close()
    await until(lambda: site.gateway.streams.live == 0)
    async with asyncio.timeout(patient(60)):
        await asyncio.gather(*(client.resume() for client in office))
    assert site.gateway.streams.live == 2 * CLIENTS
    await asyncio.gather(*(client.leave() for client in office))
    await until(lambda: site.gateway.streams.live == 0)
