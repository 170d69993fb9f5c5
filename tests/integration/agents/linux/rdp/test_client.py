"""FreeRDP with the arguments and environment that a session gives it, against real servers: whom it lets pass."""

import asyncio
import os

import pytest

from agents.linux import environment
from agents.linux.rdp import command
from agents.linux.rdp.exit_codes import EXIT_CODES
from portcullis.model.rdp import Credentials, RdpTarget
from portcullis.model.session import Display
from tests.support.rdp_servers import screen


@pytest.fixture(scope="module")
def display():
    with screen() as name:
        yield name


async def code_of(display, folder, server, password=None, ca=None, **changes):
    """None: whoever signs in is let in."""
    rdp = RdpTarget("localhost", server.port, **changes)
    words = command.arguments(
        command.Target(rdp, "127.0.0.1"), server.user_name, "", "Desk", Display(), environment.scale(1)
    )
    base = {"PATH": os.defpath, "DISPLAY": display} | ({"SSL_CERT_FILE": str(ca)} if ca else {})
    process = await asyncio.create_subprocess_exec(
        *words,
        "+auth-only",
        env=command.environment(rdp, base, folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    entered = command.entered(Credentials(server.user_name, "", password or server.password))
    await process.communicate(entered.encode())
    return EXIT_CODES.get(process.returncode)


async def test_nla_lets_in_who_has_the_password_and_nobody_else(display, tmp_path, nla_server):
    pin = nla_server.fingerprint
    for security in ("negotiate", "nla"):
        assert await code_of(display, tmp_path, nla_server, certificate=pin, security=security) is None
    assert await code_of(display, tmp_path, nla_server, "wrong", certificate=pin) == "rdp_broken_off"


async def test_security_that_a_server_does_not_have_is_refused(display, tmp_path, nla_server, tls_server):
    """Also where nobody has asked it before: it may change its mind."""
    for server, security in ((nla_server, "tls"), (tls_server, "nla")):
        pin = server.fingerprint
        code = await code_of(display, tmp_path, server, certificate=pin, security=security)
        assert code == "rdp_security_refused"


async def test_an_authority_is_believed_under_the_servers_name(display, tmp_path, tls_server):
    ca = tls_server.certificate.with_name("authority.pem")
    assert await code_of(display, tmp_path, tls_server, ca=ca) is None
    assert await code_of(display, tmp_path, tls_server) == "rdp_certificate_refused"


async def test_a_pin_counts_alone(display, tmp_path, tls_server):
    ca, other = tls_server.certificate.with_name("authority.pem"), "ab" * 32
    assert await code_of(display, tmp_path, tls_server, certificate=tls_server.fingerprint) is None
    assert await code_of(display, tmp_path, tls_server, ca=ca, certificate=other) == "rdp_certificate_refused"


async def test_what_was_accepted_once_is_not_accepted_again(display, tmp_path, tls_server):
    """No certificate is trusted because it was seen before."""
    assert await code_of(display, tmp_path, tls_server, certificate=tls_server.fingerprint) is None
    assert await code_of(display, tmp_path, tls_server) == "rdp_certificate_refused"
