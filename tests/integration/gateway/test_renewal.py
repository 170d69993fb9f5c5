"""A renewed certificate is used by new connections, in both directions; standing ones go on."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portcullis.enrolment.credentials import Credentials
from portcullis.errors import ProtocolError
from portcullis.site_tls import worker_context


async def served_serial(site) -> int:
    context = worker_context(site.keys.ca_pem)
    _, writer = await asyncio.open_connection("127.0.0.1", site.gateway.inner.port, ssl=context)
    serial = writer.get_extra_info("peercert")["serialNumber"]
    writer.transport.abort()
    return int(serial, 16)


def renew(site):
    """What a renewal leaves on disk, and tells the gateway."""
    old = site.gateway.brokers.credentials
    renewed = site.keys.machine("gateway", "edge", list(old.brokers), id=old.id)
    site.gateway._renewed(renewed)
    return renewed.certificate.serial_number


async def test_new_connections_are_shown_the_renewed_certificate_and_streams_go_on(site):
    client, worker = await site.attach()
    before = await served_serial(site)
    serial = renew(site)
    assert await served_serial(site) == serial != before
    worker.send(b"still here")
    assert await client.recv() == b"still here"
    assert site.gateway.links.hosts == {site.agent.id}
    await client.close()


async def test_brokers_are_shown_the_renewed_certificate_from_the_next_request_on(site):
    """A connection that is always in use would show the old one for ever, and be refused after two renewals."""
    shown = []

    async def note(request: web.Request) -> web.Response:
        shown.append(int(request.transport.get_extra_info("peercert")["serialNumber"], 16))
        return web.Response()

    site.broker.api = note
    old = site.gateway.brokers.credentials.certificate.serial_number
    await read_from_broker(site)
    first = renew(site)
    await read_from_broker(site)
    second = renew(site)
    await read_from_broker(site)
    assert shown == [old, first, second]


async def test_an_event_stream_outlives_a_renewal(site):
    ready = asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await ready.wait()
        await response.write(b"data: 1\n\n")
        return response

    site.broker.api = events
    async with site.gateway.brokers.request("GET", "/api/v1/x/stages", repeatable=True) as answer:
        renew(site)
        await site.gateway.brokers.register()
        ready.set()
        assert await answer.content.readany() == b"data: 1\n\n"


async def read_from_broker(site) -> None:
    async with site.gateway.brokers.request("GET", "/api/v1/login", repeatable=True) as answer:
        assert answer.status == 200


async def test_what_a_broker_says_is_kept_for_a_start_without_one(site):
    kept = Credentials.load(site.gateway.brokers.credentials.state)
    assert kept.public_origins == (site.origin,)
    assert dict(kept.grant_keys) == site.keys.grant_keys


async def test_a_brokers_nonsense_changes_nothing(site):
    good = site.gateway.brokers.origins
    for origins in ([], ["nonsense"], ["http://x/path"]):
        site.broker.public_origins = origins
        with pytest.raises(ProtocolError):
            await site.gateway.brokers.register()
    assert site.gateway.brokers.origins == good
    assert site.gateway.brokers.verify_grant(site.grant(), 0).host == site.agent.id


async def test_a_new_grant_key_is_believed_after_the_next_registration(site):
    site.keys._grant_key = Ed25519PrivateKey.generate()
    await site.gateway.brokers.register()
    assert site.gateway.brokers.verify_grant(site.grant(), 0).session == site.session
