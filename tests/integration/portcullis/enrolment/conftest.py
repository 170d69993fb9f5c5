"""A broker's inner interface, machines that join it, and what a test makes of their certificates."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from broker.pki.certificates import identity_of
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.joining import join
from portcullis.enrolment.keys import certificate_request, key_pem, load_key
from portcullis.enrolment.renewal import renewal_message
from portcullis.errors import PortcullisError
from portcullis.model.host import Gateway, Host
from portcullis.tickets import to_base64url
from tests.support.inner_listener import Inner, inner_listener

DAY = 24 * 3600


@pytest.fixture
async def inner(tmp_path: Path) -> AsyncIterator[Inner]:
    async with inner_listener(tmp_path) as inner:
        yield inner


@pytest.fixture
async def host(inner: Inner, tmp_path: Path) -> Credentials:
    return await join(inner.address, inner.secrets.host_join_token, "h1", tmp_path / "host", slots=3)


async def join_gateway(inner: Inner, state: Path, name: str = "g1") -> Credentials:
    token, _ = await inner.join_tokens.mint("gateway")
    claims = {"address": "127.0.0.1:9443", "public_origin": "http://localhost:9000"}
    return await join(inner.address, token.text, name, state, **claims)


async def refusal(call: Any) -> str:
    with pytest.raises(PortcullisError) as raised:
        await call
    return raised.value.code


async def who(address: str, context: ssl.SSLContext) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"https://{address}/who", ssl=context) as response,
    ):
        return await response.json()


def record(inner: Inner, credentials: Credentials) -> Any:
    found = inner.snapshot.get("site", (credentials.role, credentials.id))
    assert found is not None
    return (Host if credentials.role == "host" else Gateway).from_json(found.value)


def a_renewal(
    host: Credentials,
    old_key: ec.EllipticCurvePrivateKey | None = None,
    new_key: ec.EllipticCurvePrivateKey | None = None,
    certificate: x509.Certificate | None = None,
) -> dict[str, str]:
    csr = certificate_request(new_key or ec.generate_private_key(ec.SECP256R1()))
    signer = old_key or load_key(host.pem)
    return {
        "csr": csr,
        "certificate": (certificate or host.certificate).public_bytes(Encoding.PEM).decode(),
        "signature": to_base64url(signer.sign(renewal_message(csr), ec.ECDSA(hashes.SHA256()))),
    }


def identified(credentials: Credentials) -> Any:
    return identity_of(credentials.certificate)


async def write_machine(inner: Inner, machine: Host) -> None:
    result = await inner.stores.commit(inner.stores.site.put(("host", machine.id), machine.to_json()))
    assert await inner.snapshot.until(result.revision)


async def server_certificate(inner: Inner, host: Credentials) -> x509.Certificate:
    address = inner.address.rsplit(":", 1)
    _, writer = await asyncio.open_connection(address[0], int(address[1]), ssl=client_context(host))
    der = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.transport.abort()
    return x509.load_der_x509_certificate(der)


def a_certificate(key: Any, uris: list[str], issuer: x509.Name) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.UniformResourceIdentifier(uri) for uri in uris]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )


def self_signed(path: Path, *more: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = a_certificate(key, [f"portcullis://{'0' * 16}/broker/{'0' * 16}"], x509.Name([]))
    path.write_text(key_pem(key) + certificate.public_bytes(Encoding.PEM).decode() + "".join(more))
    return path
