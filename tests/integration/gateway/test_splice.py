"""Each point of the takeover that rests on undocumented behaviour of aiohttp or asyncio has its test here."""

from __future__ import annotations

from portcullis.protocol.messages import Admitted, decode
from tests.integration.gateway.small_site import admit_grant, admit_ticket


async def test_a_ticket_joins_browser_and_worker_both_ways(site):
    async with site.web_socket() as client:
        ticket = site.ticket()
        grant = site.broker.tickets[ticket]["grant"]
        await client.send(admit_ticket(ticket))
        assert decode(await client.recv()) == [Admitted(grant)]
        worker = await site.agent.worker()
        worker.send(b"picture")
        assert await client.recv() == b"picture"
        await client.send(b"key")
        assert await worker.message() == b"key"


async def test_a_grant_joins_without_any_broker(site):
    await site.broker.stop()
    async with site.web_socket() as client:
        grant = site.grant()
        await client.send(admit_grant(grant))
        assert decode(await client.recv()) == [Admitted(grant)]
        worker = await site.agent.worker()
        await client.send(b"still here")
        assert await worker.message() == b"still here"
