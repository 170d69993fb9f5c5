"""Servers that answer, and those that do not: each has a code of its own, and none is waited for without end."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from agents.linux.rdp import reach as reaching
from agents.linux.rdp.addresses import networks_of
from agents.linux.rdp.reach import reach
from portcullis.errors import PortcullisError
from portcullis.model.rdp import RdpTarget

LOOPBACK = networks_of("127.0.0.0/8, ::1/128")


@asynccontextmanager
async def server(answer=None, *, hangs=False):
    """Its port. It reads a request and answers so; None: it closes at once."""

    serving = set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        try:
            await reader.read(64)
            if answer is not None:
                writer.write(answer)
            if hangs:
                await reader.read()
        except OSError:
            pass  # whoever came to look is gone
        writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
    await asyncio.gather(*serving)
    await asyncio.sleep(0)  # for the transports to close


async def code_of(rdp, allowed=LOOPBACK):
    with pytest.raises(PortcullisError) as caught:
        await reach(rdp, allowed)
    return caught.value.code


async def test_a_server_is_met_at_the_address_that_its_name_led_to(tls_server):
    target = await reach(RdpTarget("localhost", tls_server.port), LOOPBACK)
    assert target.address == "127.0.0.1"


async def test_each_kind_of_security_is_found_where_it_is(tls_server, nla_server):
    tls, nla = tls_server.port, nla_server.port
    for port, fitting, lacking in ((tls, "tls", "nla"), (nla, "nla", "tls")):
        for security in ("negotiate", fitting):
            assert (await reach(RdpTarget("127.0.0.1", port, security=security), LOOPBACK)).address
        assert await code_of(RdpTarget("127.0.0.1", port, security=lacking)) == "rdp_security_refused"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.1", "2130706433", "169.254.169.254", "::1"])
async def test_a_name_that_leads_back_is_refused_before_anything_is_sent(name):
    async with server(hangs=True) as port:
        assert await code_of(RdpTarget(name, port), ()) == "rdp_address_refused"
        gateway = RdpTarget("ts1", gateway=f"localhost:{port}")
        assert await code_of(gateway, ()) == "rdp_address_refused"


async def test_one_address_that_is_refused_refuses_the_name(monkeypatch):
    async def resolved(*_, **__):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 3389)) for text in ("192.0.2.7", "127.0.0.1")
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    assert await code_of(RdpTarget("rebound.example"), ()) == "rdp_address_refused"


async def test_a_server_that_takes_connections_and_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(reaching, "ANSWER_SECONDS", 0.1)
    async with server(hangs=True) as silent, server(b"\x03\0\0\x13\x0e\xd0", hangs=True) as slow:
        for port in (silent, slow):
            assert await code_of(RdpTarget("127.0.0.1", port)) == "rdp_timeout"


async def test_what_is_no_rdp_server_is_told_apart():
    for answer in (
        None,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x03\0\0\x0b\x06\xc0\0\0\0\0\0",
    ):
        async with server(answer) as port:
            assert await code_of(RdpTarget("127.0.0.1", port)) == "rdp_protocol", answer


async def test_nobody_at_the_address_and_no_such_name_are_one_trouble():
    async with server() as port:
        pass
    assert await code_of(RdpTarget("127.0.0.1", port)) == "rdp_unreachable"
    assert await code_of(RdpTarget("no-such-host.invalid")) == "rdp_unreachable"
    assert await code_of(RdpTarget("ts1", gateway="no-such-host.invalid")) == "rdp_unreachable"
