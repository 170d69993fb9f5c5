"""Sessions of real servers: what signs in stays secret, and how they end is told by a code."""

import asyncio
import ssl
from dataclasses import replace

import psutil
import pytest

from agents.linux import groups
from agents.linux.launcher import LinuxLauncher, this_machine
from agents.linux.rdp.addresses import networks_of
from agents.sessions.manager import Manager, SiteFacts
from agents.sessions.session import TimeLimits
from portcullis.errors import Refused
from portcullis.model.rdp import Credentials, RdpTarget
from portcullis.protocol.orders import Desired
from tests.support.patience import patient
from tests.support.session_host import PATIENCE_SECONDS, TINY_WORKER, until_window
from tests.support.told import until_ended

LOOPBACK = networks_of("127.0.0.0/8")
CONFIRM_TLS = bytes.fromhex("030000130ed000000000000200080001000000")


def launcher_of(host):
    limits = groups.Limits(4096, 2048)
    return LinuxLauncher(
        *(host.runtime, host.accounts, groups.detect(), limits, this_machine(), TINY_WORKER),
        rdp_networks=LOOPBACK,
    )


def order_of(host, by, **changes):
    target = RdpTarget("127.0.0.1", by.port, certificate=by.fingerprint)
    return replace(host.order(), command=(), rdp=replace(target, **changes))


def signing_in(server, password=None):
    async def credentials(order):
        return Credentials(server.user_name, "", password or server.password)

    return credentials


def client_of(order):
    """What of it anybody may see."""
    wanted = ["name", "cmdline", "environ", "username"]
    return next(
        dict(each.info)
        for each in psutil.process_iter(wanted)
        if each.info["name"] == "xfreerdp"
        and (each.info["environ"] or {}).get("PORTCULLIS_SESSION") == order.session
    )


async def test_the_password_is_in_no_argument_environment_file_or_log(host, tls_server):
    order = order_of(host, tls_server)
    link = await launcher_of(host).launch(order, host.start(order), signing_in(tls_server))
    status, _ = await until_window(link)
    client = client_of(order)
    where = [" ".join(client["cmdline"]), str(client["environ"]), str(status)]
    where += [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    where += [
        path.read_bytes().decode(errors="replace") for path in host.folder(order).rglob("*") if path.is_file()
    ]
    assert tls_server.password not in "".join(where)
    assert client["username"].startswith(host.prefix)  # the session's own, not root
    assert client["environ"]["HOME"] == str(host.folder(order) / "user")
    link.end("logged_off", 1)
    assert (await until_ended(link)).code == "logged_off"
    await link.close()


async def test_how_the_client_ended_is_how_the_session_did(host, tls_server):
    order = order_of(host, tls_server, certificate="ab" * 32)
    link = await launcher_of(host).launch(order, host.start(order), signing_in(tls_server))
    assert (await until_ended(link)).code == "rdp_certificate_refused"
    await link.close()


async def test_nothing_is_asked_for_and_prepared_for_a_server_that_is_away(host, tls_server):
    asked = []

    async def credentials(order):
        asked.append(order)
        return Credentials("ada", "", "x")

    order = order_of(host, tls_server, port=1)
    with pytest.raises(Refused.__base__, match="rdp_unreachable"):
        await launcher_of(host).launch(order, host.start(order), credentials)
    assert asked == []
    assert host.traces(order) == []


async def test_a_server_that_hangs_once_tls_stands_is_given_up(host, tls_server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_server.certificate, tls_server.certificate.with_name("key.pem"))

    async def serve(reader, writer):
        try:
            await reader.readexactly(19)
            writer.write(CONFIRM_TLS)
            await writer.start_tls(context)
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever came to look is gone
        writer.transport.abort()

    ended = asyncio.Event()
    reports = []

    def hear(report):
        reports.append(report)
        if report.state == "ended":
            ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        order = order_of(host, tls_server, port=port)
        facts = SiteFacts("b" * 16, "c" * 16, host.start(order).ca, {})
        limits = TimeLimits(window_seconds=1.0, grace_seconds=0.2)
        manager = Manager(launcher_of(host), facts, hear, limits, credentials=signing_in(tls_server))
        await manager.start()
        await manager.apply(Desired(1, (order,)))
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            await ended.wait()
        await manager.stop()
    assert reports[-1].code == "rdp_timeout"
