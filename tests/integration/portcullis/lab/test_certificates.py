"""The certificates of the lab's etcd, in real handshakes: members and brokers let each other in, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from pathlib import Path

import pytest

from portcullis.lab import certificates


async def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    async def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await reader.readexactly(1) + b"!")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(on_connect, "127.0.0.1", 0, ssl=server)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        try:
            writer.write(b"?")
            return await reader.read(2)
        finally:
            writer.transport.abort()


def member(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "member.pem", folder / "member.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client(folder: Path, name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificates.make(tmp_path / "certificates", os.getuid(), os.getgid())
    return tmp_path / "certificates"


@pytest.mark.parametrize("name", ["broker", "member"])
async def test_a_member_lets_brokers_and_other_members_in(folder: Path, name: str) -> None:
    assert await shake(member(folder), client(folder, name)) == b"?!"


async def test_a_client_without_a_certificate_is_not_let_in(folder: Path) -> None:
    answer = b""
    with contextlib.suppress(
        ssl.SSLError, ConnectionError
    ):  # by TLS 1.3 it may learn of that late, as an end
        answer = await shake(member(folder), client(folder, None))
    assert answer == b""


async def test_the_certificate_of_a_broker_makes_no_member(folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "broker.pem", folder / "broker.key")
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake(context, client(folder, "broker"))


def test_keys_are_for_their_account_alone(folder: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.key")} == {0o400}
