"""Where the listener for metrics may be, and what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from portcullis.errors import InvalidInput
from portcullis.measuring import Metrics
from portcullis.probes import Probes, Watch
from portcullis.settings import Address


@pytest.mark.parametrize("address", ["127.0.0.1:9100", "localhost:9100", "[::1]:9100", "127.8.9.1:9100"])
def test_loopback_needs_no_more_words(address: str) -> None:
    assert Watch.of(address, False).address == Address.parse(address)


@pytest.mark.parametrize("address", ["0.0.0.0:9100", "[::]:9100", "192.0.2.1:9100", "example.com:9100"])
def test_beyond_loopback_has_to_be_said(address: str) -> None:
    with pytest.raises(InvalidInput, match="--metrics-exposed"):
        Watch.of(address, False)
    assert Watch.of(address, True).address == Address.parse(address)


@pytest.mark.parametrize("address", ["9100", "127.0.0.1", "127.0.0.1:x", ":9100"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="HOST:PORT"):
        Watch.of(address, False)


async def test_without_an_address_nothing_listens() -> None:
    probes = Probes(Metrics("agent", "1"), list)
    await probes.start(Watch())
    assert probes.port == 0
    await probes.stop()


class Part:
    def __init__(self) -> None:
        self.trouble: list[str] = []
        self.probes = Probes(Metrics("agent", "1"), lambda: self.trouble)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.probes.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return answer.status, await answer.text()


@pytest_asyncio.fixture
async def part() -> AsyncIterator[Part]:
    made = Part()
    await made.probes.start(Watch(Address("127.0.0.1", 0)))
    yield made
    await made.probes.stop()


async def test_a_part_in_trouble_lives_and_is_not_ready(part: Part) -> None:
    assert await part.get("/readyz") == (200, '{"status": "ok"}')
    part.trouble = ["no broker"]
    assert await part.get("/readyz") == (503, '{"status": "unavailable", "reasons": ["no broker"]}')
    assert await part.get("/healthz") == (200, '{"status": "ok"}')


async def test_metrics_are_served_as_text(part: Part) -> None:
    status, text = await part.get("/metrics")
    assert status == 200
    assert 'portcullis_build_info{part="agent",version="1"} 1.0' in text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_pages_may_not_read(part: Part, headers: dict[str, str]) -> None:
    assert (await part.get("/metrics", **headers))[0] == 403


async def test_whoever_types_the_address_may(part: Part) -> None:
    assert (await part.get("/metrics", **{"Sec-Fetch-Site": "none"}))[0] == 200


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing(part: Part) -> None:
    other = Probes(Metrics("agent", "1"), list)
    with pytest.raises(OSError):
        await other.start(Watch(Address("127.0.0.1", part.probes.port)))
    assert other.port == 0
