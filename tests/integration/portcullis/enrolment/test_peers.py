"""Machines of a site know each other by their certificates; what one keeps is its own."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509

from portcullis.enrolment.credentials import Credentials, client_context, server_context
from portcullis.errors import InvalidInput, Refused
from portcullis.site_tls import worker_context
from tests.integration.portcullis.enrolment.conftest import (
    identified,
    join_gateway,
    record,
    self_signed,
    server_certificate,
    who,
    write_machine,
)
from tests.support.inner_listener import BROKER_ID, Inner


class TestPeers:
    async def test_a_client_accepts_the_wanted_role_alone(self, inner: Inner, host: Credentials) -> None:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await who(inner.address, client_context(host, "gateway"))
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await who(inner.address, worker_context(host.ca))

    async def test_a_client_accepts_its_own_site_alone(self, inner: Inner, host: Credentials) -> None:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await who(inner.address, client_context(replace(host, site_id="0" * 16)))

    async def test_nobody_without_a_certificate_has_an_identity(
        self, inner: Inner, host: Credentials
    ) -> None:
        context = ssl.create_default_context(cadata=host.ca)
        context.check_hostname = False
        assert await who(inner.address, context) == {"uri": None, "generation": None}

    async def test_a_certificate_of_another_ca_is_turned_away(
        self, inner: Inner, host: Credentials, tmp_path: Path
    ) -> None:
        context = client_context(host)
        context.load_cert_chain(self_signed(tmp_path / "m.pem"))
        with pytest.raises((aiohttp.ClientError, OSError)):
            await who(inner.address, context)

    async def test_no_version_before_tls_1_3(self, inner: Inner, host: Credentials) -> None:
        context = ssl.create_default_context(cadata=host.ca)
        context.check_hostname = False
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((aiohttp.ClientError, OSError)):
            await who(inner.address, context)

    async def test_no_session_can_be_resumed_past_its_certificate(self, inner: Inner) -> None:
        assert inner.own.context.now.num_tickets == 0

    async def test_a_worker_dials_a_gateway_without_a_certificate(self, inner: Inner, tmp_path: Path) -> None:
        gateway = await join_gateway(inner, tmp_path / "gateway")
        peers: list[Any] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.append(writer.get_extra_info("peercert"))
            writer.write(b"hello")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context(gateway))
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(
            *address, ssl=worker_context(gateway.ca, gateway.site_id)
        )
        assert await reader.read() == b"hello"
        writer.close()
        server.close()
        await server.wait_closed()
        assert not peers[0]

    async def test_the_brokers_certificate_is_renewed_under_open_contexts(
        self, inner: Inner, host: Credentials
    ) -> None:
        before = await server_certificate(inner, host)
        inner.own.renew()
        after = await server_certificate(inner, host)
        assert before.public_key() != after.public_key()
        assert (await who(inner.address, client_context(host)))["uri"] is not None
        assert BROKER_ID in str(after.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)

    async def test_a_host_is_no_server(self, inner: Inner, host: Credentials) -> None:
        """Its certificate lacks serverAuth, so that a hacked host cannot pose as anything that is dialled."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(host.pem)
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
        checking = ssl.create_default_context(cadata=host.ca)
        checking.check_hostname = False
        with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
            await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=checking)
        server.close()
        await server.wait_closed()


class TestAdmission:
    async def test_a_machine_of_the_site_is_admitted(self, inner: Inner, host: Credentials) -> None:
        assert inner.machines.admit(identified(host), "host") == record(inner, host)

    @pytest.mark.parametrize(
        "change", [{"role": "gateway"}, {"id": "0" * 16}, {"site_id": "0" * 16}, None], ids=str
    )
    async def test_anybody_else_is_not(self, inner: Inner, host: Credentials, change: Any) -> None:
        identity = None if change is None else replace(identified(host), **change)
        with pytest.raises(Refused):
            inner.machines.admit(identity, "host")

    async def test_a_revoked_one_is_not(self, inner: Inner, host: Credentials) -> None:
        await write_machine(inner, replace(record(inner, host), revoked=True))
        with pytest.raises(Refused):
            inner.machines.admit(identified(host), "host")

    async def test_the_certificate_before_the_newest_is_the_oldest(
        self, inner: Inner, host: Credentials
    ) -> None:
        identity = identified(host)
        for generation, admitted in ((2, True), (3, False)):
            await write_machine(inner, replace(record(inner, host), generation=generation))
            try:
                inner.machines.admit(identity, "host")
                assert admitted
            except Refused:
                assert not admitted


class TestStateFolder:
    async def test_a_folder_that_is_not_there_is_no_machine(self, tmp_path: Path) -> None:
        assert Credentials.load(tmp_path / "nothing") is None

    @pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"role": "broker"}', "\0", "{" * 10_000])
    async def test_a_damaged_one_is_told(self, host: Credentials, content: str) -> None:
        (host.state / "machine.json").write_text(content)
        with pytest.raises(InvalidInput, match="remove the folder"):
            Credentials.load(host.state)

    async def test_a_missing_key_is_no_machine(self, host: Credentials) -> None:
        host.pem.unlink()
        assert Credentials.load(host.state) is None

    async def test_what_a_broker_said_since_is_kept(self, host: Credentials) -> None:
        told = host.with_site(brokers=("a:1", "b:2"), grant_keys={"k": "v"}, public_origins=("https://x",))
        assert Credentials.load(host.state) == told
        assert (told.brokers, told.id) == (("a:1", "b:2"), host.id)

    async def test_what_did_not_change_is_not_written(self, host: Credentials) -> None:
        before = (host.state / "machine.json").stat().st_mtime_ns
        assert host.with_site(brokers=host.brokers) == host
        assert (host.state / "machine.json").stat().st_mtime_ns == before

    async def test_a_file_left_half_written_is_in_nobodys_way(self, host: Credentials) -> None:
        (host.state / "machine.json.new").write_text("half")
        told = host.with_site(brokers=("a:1",))
        assert Credentials.load(host.state) == told
