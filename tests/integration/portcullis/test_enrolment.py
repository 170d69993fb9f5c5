"""Joining and renewing over real TLS, with every wrong broker, token and certificate that we could think of."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from broker.pki.certificates import identity_of
from portcullis import enrolment
from portcullis.enrolment import (
    Credentials,
    Renewal,
    client_context,
    join,
    parse_join_token,
    refresh,
    renew_if_due,
    renewal_message,
    server_context,
    worker_context,
)
from portcullis.errors import InvalidInput, PortcullisError, Refused, Unavailable
from portcullis.model.host import Gateway, Host
from portcullis.tasks import cancel_and_wait
from portcullis.tickets import to_base64url
from tests.support.inner_listener import BROKER_ID, Inner, inner_listener

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


class TestJoining:
    async def test_a_host_gets_what_it_needs(self, inner: Inner, host: Credentials) -> None:
        assert (host.role, host.name, host.site_id, host.site_name) == (
            "host",
            "h1",
            inner.secrets.site_id,
            "Test",
        )
        assert host.ca == inner.authority.ca_pem
        assert host.brokers == (inner.address,)
        assert host.public_origins == ("http://localhost:8080",)
        assert len(host.grant_keys) == 1
        key_hash = record(inner, host).key_hash
        tenants = frozenset({inner.secrets.tenant_id})
        assert record(inner, host) == Host(
            host.id, "h1", 3, tenants, key_hash=key_hash, issuer=host.authorities[0]
        )

    async def test_a_gateway_gets_what_it_needs(self, inner: Inner, tmp_path: Path) -> None:
        gateway = await join_gateway(inner, tmp_path / "gateway")
        assert gateway.role == "gateway"
        assert gateway.public_origins == ("http://localhost:8080", "http://localhost:9000")
        kept = record(inner, gateway)
        assert (kept.address, kept.public_origin) == ("127.0.0.1:9443", "http://localhost:9000")

    async def test_the_certificate_says_who_it_is_for_a_day(self, inner: Inner, host: Credentials) -> None:
        certificate = host.certificate
        lifetime = certificate.not_valid_after_utc.timestamp() - inner.clock.now()
        assert DAY - 2 < lifetime <= DAY
        assert await who(inner.address, client_context(host)) == {
            "uri": f"portcullis://{inner.secrets.site_id}/host/{host.id}",
            "generation": 1,
        }

    async def test_what_is_kept_is_for_the_owner_alone(self, inner: Inner, host: Credentials) -> None:
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in host.state.iterdir()}
        assert modes == {"machine.pem": 0o600, "machine.json": 0o600}
        assert stat.S_IMODE(host.state.stat().st_mode) == 0o700
        assert "PRIVATE" not in (host.state / "machine.json").read_text()

    async def test_it_is_the_same_machine_after_a_restart(self, host: Credentials) -> None:
        assert Credentials.load(host.state) == host

    async def test_a_token_is_spent_once(self, inner: Inner, host: Credentials, tmp_path: Path) -> None:
        again = join(inner.address, inner.secrets.host_join_token, "h2", tmp_path / "again")
        assert await refusal(again) == "join_refused"
        assert not (tmp_path / "again").exists()

    async def test_only_one_of_many_spends_a_token(self, inner: Inner, tmp_path: Path) -> None:
        token = inner.secrets.host_join_token
        tries = [join(inner.address, token, f"h{n}", tmp_path / f"s{n}") for n in range(6)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, Credentials) for result in results) == 1
        assert {r.code for r in results if isinstance(r, Refused)} == {"join_refused"}
        assert len(inner.snapshot.list("site", "host")) == 1

    async def test_only_one_of_many_takes_a_name(self, inner: Inner, tmp_path: Path) -> None:
        tokens = [(await inner.join_tokens.mint("host"))[0].text for _ in range(4)]
        tries = [join(inner.address, token, "h1", tmp_path / f"s{n}") for n, token in enumerate(tokens)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, Credentials) for result in results) == 1
        assert {r.code for r in results if isinstance(r, Refused)} == {"already_exists"}
        assert len(inner.snapshot.list("site", "join")) == 2 + 3, "the others' tokens are not spent"

    async def test_an_expired_token_is_refused(self, inner: Inner, tmp_path: Path) -> None:
        token, _ = await inner.join_tokens.mint("host")
        inner.clock.advance(15 * 60)
        assert await refusal(join(inner.address, token.text, "h1", tmp_path / "s")) == "join_refused"

    @pytest.mark.parametrize("text", ["", "join", "api_" + "0" * 16 + "_" + "0" * 64, "cut"])
    async def test_what_is_no_token_is_told_before_anything_is_sent(
        self, inner: Inner, tmp_path: Path, text: str
    ) -> None:
        text = inner.secrets.host_join_token[:-1] if text == "cut" else text
        with pytest.raises(InvalidInput) as raised:
            await join("127.0.0.1:1", text, "h1", tmp_path / "s")
        assert raised.value.field == "token"

    async def test_an_altered_token_is_refused(self, inner: Inner, tmp_path: Path) -> None:
        token = parse_join_token(inner.secrets.host_join_token)
        assert token is not None
        secret = token.secret.text[:-1] + ("0" if token.secret.text[-1] != "0" else "1")
        altered = f"{secret}_{token.pin}"
        assert await refusal(join(inner.address, altered, "h1", tmp_path / "s")) == "join_refused"

    @pytest.mark.parametrize("name", ["", "-a", "a/b", "a b", "ä", "x" * 64, "..", "a\n", "a\0"])
    async def test_a_bad_name_is_refused_and_spends_nothing(
        self, inner: Inner, tmp_path: Path, name: str
    ) -> None:
        token = inner.secrets.host_join_token
        assert await refusal(join(inner.address, token, name, tmp_path / "s")) == "invalid_field"
        assert isinstance(await join(inner.address, token, "good", tmp_path / "s"), Credentials)

    async def test_a_gateway_must_say_where_it_is(self, inner: Inner, tmp_path: Path) -> None:
        token = inner.secrets.gateway_join_token
        for claims in ({}, {"address": "127.0.0.1:1"}, {"public_origin": "https://a.example"}):
            call = join(inner.address, token, "g1", tmp_path / "s", **claims)
            assert await refusal(call) == "invalid_field"

    async def test_a_name_counts_once_whatever_its_case(
        self, inner: Inner, host: Credentials, tmp_path: Path
    ) -> None:
        token, _ = await inner.join_tokens.mint("host")
        assert await refusal(join(inner.address, token.text, "H1", tmp_path / "s")) == "already_exists"

    async def test_a_host_and_a_gateway_may_share_a_name(
        self, inner: Inner, host: Credentials, tmp_path: Path
    ) -> None:
        gateway = await join_gateway(inner, tmp_path / "g", name="h1")
        assert (gateway.name, gateway.id != host.id) == ("h1", True)

    async def test_a_token_that_names_a_machine_enrols_it_again(
        self, inner: Inner, host: Credentials, tmp_path: Path
    ) -> None:
        token, _ = await inner.join_tokens.mint("host", name="h1", tenants=["0" * 16])
        again = await join(inner.address, token.text, "h1", tmp_path / "again", slots=7)
        assert again.id == host.id
        kept = record(inner, again)
        assert (kept.slots, kept.tenants, kept.generation > 1) == (7, frozenset({"0" * 16}), True)
        inner.clock.advance(0.6 * DAY)
        assert await refusal(renew_if_due(host, inner.clock)) == "certificate_refused"

    async def test_a_token_that_names_a_machine_is_for_no_other(self, inner: Inner, tmp_path: Path) -> None:
        token, _ = await inner.join_tokens.mint("host", name="h1")
        assert await refusal(join(inner.address, token.text, "h2", tmp_path / "s")) == "join_refused"

    async def test_nobody_listening_is_told(self, inner: Inner, tmp_path: Path) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{unused.getsockname()[1]}"
            assert (
                await refusal(join(address, inner.secrets.host_join_token, "h", tmp_path / "s"))
                == "broker_unreachable"
            )

    async def test_a_lost_answer_of_the_grid_does_not_lose_the_machine(
        self, inner: Inner, tmp_path: Path
    ) -> None:
        inner.grid.answers_lost = 1
        host = await join(inner.address, inner.secrets.host_join_token, "h1", tmp_path / "s")
        assert await who(inner.address, client_context(host)) == {
            "uri": f"portcullis://{host.site_id}/host/{host.id}",
            "generation": 1,
        }


class TestPin:
    async def test_another_sites_broker_never_sees_the_token(self, inner: Inner, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        async with inner_listener(tmp_path / "other") as other:
            call = join(other.address, inner.secrets.host_join_token, "h1", tmp_path / "s")
            assert await refusal(call) == "certificate_refused"
            assert other.enrolments == []

    async def test_a_middle_man_who_shows_the_real_ca_never_sees_the_token(
        self, inner: Inner, tmp_path: Path
    ) -> None:
        """The CA certificate is public: showing it proves nothing; the second handshake needs a key that it signed."""
        seen = await self._listen_and_join(
            inner, tmp_path, _self_signed(tmp_path / "m.pem", inner.authority.ca_pem)
        )
        assert seen == b""

    async def test_a_machine_of_the_site_is_no_broker(self, inner: Inner, tmp_path: Path) -> None:
        """A hacked gateway must not collect the tokens of hosts."""
        gateway = await join_gateway(inner, tmp_path / "gateway")
        seen = await self._listen_and_join(inner, tmp_path, gateway.pem)
        assert seen == b""

    @staticmethod
    async def _listen_and_join(inner: Inner, tmp_path: Path, pem: Path) -> bytes:
        """What a TLS listener with this certificate gets to read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        seen: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                seen.append(await reader.read(4096))
            except (ssl.SSLError, OSError):
                pass
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        host, port = server.sockets[0].getsockname()
        call = join(f"{host}:{port}", inner.secrets.host_join_token, "h1", tmp_path / "s")
        assert await refusal(call) == "certificate_refused"
        server.close()
        await server.wait_closed()
        return b"".join(seen)


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
        context.load_cert_chain(_self_signed(tmp_path / "m.pem"))
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
        before = await _server_certificate(inner, host)
        inner.own.renew()
        after = await _server_certificate(inner, host)
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


class TestRenewing:
    async def test_nothing_happens_before_half_the_life(self, inner: Inner, host: Credentials) -> None:
        inner.clock.advance(0.45 * DAY)
        assert await renew_if_due(host, inner.clock) is host

    async def test_after_half_the_life_key_and_certificate_are_new(
        self, inner: Inner, host: Credentials
    ) -> None:
        before = host.pem.read_text()
        inner.clock.advance(0.51 * DAY)
        renewed = await renew_if_due(host, inner.clock)
        assert renewed == replace(host, told=host.authorities)
        assert renewed is not host
        assert host.pem.read_text() != before
        assert sorted(file.name for file in host.state.iterdir()) == ["machine.json", "machine.pem"]
        kept = record(inner, host)
        assert (kept.generation, kept.slots) == (2, 3)
        assert kept.key_hash == enrolment.public_key_hash(host.certificate.public_key())

    async def test_a_machine_that_was_off_renews_for_thirty_days(
        self, inner: Inner, host: Credentials
    ) -> None:
        inner.clock.advance(31 * DAY - 10)
        assert await renew_if_due(host, inner.clock) is not host

    async def test_after_thirty_days_it_must_join_again(self, inner: Inner, host: Credentials) -> None:
        inner.clock.advance(31 * DAY + 10)
        assert await refusal(renew_if_due(host, inner.clock)) == "certificate_refused"

    async def test_a_revoked_machine_does_not_renew(self, inner: Inner, host: Credentials) -> None:
        await _write(inner, replace(record(inner, host), revoked=True))
        inner.clock.advance(0.6 * DAY)
        assert await refusal(renew_if_due(host, inner.clock)) == "certificate_refused"

    async def test_a_machine_without_a_record_does_not_renew(self, inner: Inner, host: Credentials) -> None:
        await inner.stores.commit(inner.stores.site.delete(("host", host.id)))
        inner.clock.advance(0.6 * DAY)
        assert await refusal(renew_if_due(host, inner.clock)) == "certificate_refused"

    async def test_of_two_clones_only_one_goes_on(
        self, inner: Inner, host: Credentials, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        clone = replace(host, state=tmp_path / "clone")
        clone.state.mkdir()
        for file in host.state.iterdir():
            (clone.state / file.name).write_bytes(file.read_bytes())
        inner.clock.advance(0.6 * DAY)
        await renew_if_due(host, inner.clock)
        assert await refusal(renew_if_due(clone, inner.clock)) == "certificate_refused"
        assert "is the machine cloned?" in caplog.text

    async def test_a_machine_that_a_restored_grid_knows_by_an_earlier_certificate_renews_its_newest(
        self, inner: Inner, host: Credentials, tmp_path: Path
    ) -> None:
        before = record(inner, host)
        thief = replace(host, state=tmp_path / "thief")
        shutil.copytree(host.state, thief.state)
        for _ in range(2):
            inner.clock.advance(0.6 * DAY)
            host = await renew_if_due(host, inner.clock)
        await _write(inner, before)
        inner.clock.advance(0.6 * DAY)
        await renew_if_due(host, inner.clock)
        assert record(inner, host).generation == 4
        assert await refusal(renew_if_due(thief, inner.clock)) == "certificate_refused"

    async def test_a_lost_answer_is_asked_for_again(self, inner: Inner, host: Credentials) -> None:
        inner.clock.advance(0.6 * DAY)
        inner.answers_lost = 2
        for _ in range(2):
            assert await refusal(renew_if_due(host, inner.clock)) == "broker_unreachable"
        assert record(inner, host).generation == 2
        await renew_if_due(host, inner.clock)
        assert record(inner, host).generation == 2
        inner.clock.advance(0.6 * DAY)
        await renew_if_due(host, inner.clock)
        assert record(inner, host).generation == 3

    async def test_a_lost_answer_of_the_grid_counts_once(self, inner: Inner, host: Credentials) -> None:
        inner.clock.advance(0.6 * DAY)
        inner.grid.answers_lost = 1
        await renew_if_due(host, inner.clock)
        assert record(inner, host).generation == 2

    async def test_a_grid_that_is_away_is_told_as_unreachable(self, inner: Inner, host: Credentials) -> None:
        inner.clock.advance(0.6 * DAY)
        inner.grid.answers_lost = 99
        assert await refusal(renew_if_due(host, inner.clock)) == "broker_unreachable"

    async def test_a_key_cut_off_while_it_was_written_is_made_anew(
        self, inner: Inner, host: Credentials
    ) -> None:
        (host.state / "renewal.pem").write_text("-----BEGIN PRIV")
        inner.clock.advance(0.6 * DAY)
        assert await renew_if_due(host, inner.clock) is not host

    async def test_a_key_left_by_a_renewal_that_went_through_is_not_used_again(
        self, inner: Inner, host: Credentials
    ) -> None:
        (host.state / "renewal.pem").write_bytes(host.pem.read_bytes())
        inner.clock.advance(0.6 * DAY)
        assert await renew_if_due(host, inner.clock) is not host

    async def test_the_next_broker_is_asked_when_one_is_away(self, inner: Inner, host: Credentials) -> None:
        host = host.with_site(brokers=("127.0.0.1:1", inner.address))
        inner.clock.advance(0.6 * DAY)
        assert await renew_if_due(host, inner.clock) is not host

    async def test_open_contexts_use_the_renewed_certificate(self, inner: Inner, host: Credentials) -> None:
        context = client_context(host)
        inner.clock.advance(0.6 * DAY)
        renewed = await renew_if_due(host, inner.clock)
        refresh(context, renewed)
        # The new certificate begins in the future of the real clock that TLS goes by: turned away for that alone.
        with pytest.raises((aiohttp.ClientError, OSError)):
            await who(inner.address, context)
        assert renewed.certificate.not_valid_before_utc.timestamp() > inner.clock.now() - 301

    async def test_the_loop_renews_and_tells(self, inner: Inner, host: Credentials) -> None:
        told: asyncio.Queue[Credentials] = asyncio.Queue()
        inner.clock.advance(0.6 * DAY)
        renewal = Renewal(host, told.put_nowait, inner.clock)
        task = asyncio.ensure_future(renewal.run())
        async with asyncio.timeout(30):
            assert await told.get() is renewal.credentials
        await cancel_and_wait(task)
        assert record(inner, host).generation == 2

    async def test_the_loop_goes_on_after_a_failure(
        self,
        inner: Inner,
        host: Credentials,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(enrolment, "RETRY_SECONDS", 0.001)
        inner.answers_lost = 2
        told: asyncio.Queue[Credentials] = asyncio.Queue()
        inner.clock.advance(0.6 * DAY)
        task = asyncio.ensure_future(Renewal(host, told.put_nowait, inner.clock).run())
        async with asyncio.timeout(30):
            assert (await told.get()).id == host.id
        await cancel_and_wait(task)
        assert "not renewed yet" in caplog.text


class TestForgedRenewals:
    """Bodies made by hand, against the broker's own code."""

    async def test_the_old_key_must_have_signed(self, inner: Inner, host: Credentials) -> None:
        body = _renewal(host)
        other = ec.generate_private_key(ec.SECP256R1())
        forged = to_base64url(other.sign(renewal_message(body["csr"]), ec.ECDSA(hashes.SHA256())))
        for signature in (forged, to_base64url(b"short"), to_base64url(bytes(70))):
            assert (
                await refusal(inner.machines.renew({**body, "signature": signature})) == "certificate_refused"
            )

    async def test_a_signature_is_for_its_own_request(self, inner: Inner, host: Credentials) -> None:
        swapped = {**_renewal(host), "csr": _renewal(host)["csr"]}
        assert await refusal(inner.machines.renew(swapped)) == "certificate_refused"

    async def test_the_new_key_must_differ(self, inner: Inner, host: Credentials) -> None:
        body = _renewal(host, new_key=enrolment._load_key(host.pem))
        assert await refusal(inner.machines.renew(body)) == "invalid_field"
        assert record(inner, host).generation == 1

    @pytest.mark.parametrize("change", ["self-signed", "role", "site", "two names"])
    async def test_a_certificate_that_the_ca_did_not_make_is_refused(
        self, inner: Inner, host: Credentials, change: str
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        uris = {
            "self-signed": [f"portcullis://{host.site_id}/host/{host.id}"],
            "role": [f"portcullis://{host.site_id}/broker/{host.id}"],
            "site": [f"portcullis://{'0' * 16}/host/{host.id}"],
            "two names": [f"portcullis://{host.site_id}/host/{host.id}", "portcullis://x"],
        }[change]
        body = _renewal(host, old_key=key, certificate=_certificate(key, uris, host.certificate.issuer))
        assert await refusal(inner.machines.renew(body)) == "certificate_refused"

    async def test_the_brokers_own_certificate_cannot_be_renewed(
        self, inner: Inner, host: Credentials
    ) -> None:
        certificate = await _server_certificate(inner, host)
        body = {**_renewal(host), "certificate": certificate.public_bytes(Encoding.PEM).decode()}
        assert await refusal(inner.machines.renew(body)) == "certificate_refused"

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"csr": None},
            {"csr": "-----BEGIN"},
            {"csr": "x" * 20_000},
            {"certificate": 1},
            {"certificate": "\0"},
            {"signature": "="},
            {"signature": "ä"},
        ],
    )
    async def test_a_malformed_body_names_its_field(
        self, inner: Inner, host: Credentials, wrong: dict[str, Any]
    ) -> None:
        body = {**_renewal(host), **wrong} if wrong else {}
        with pytest.raises(InvalidInput) as raised:
            await inner.machines.renew(body)
        assert raised.value.field == next(iter(wrong), "csr")

    async def test_only_p256_keys_are_certified(self, inner: Inner, host: Credentials) -> None:
        for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
            builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
            csr = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
            assert await refusal(inner.machines.renew({**_renewal(host), "csr": csr})) == "invalid_field"


class TestAdmission:
    async def test_a_machine_of_the_site_is_admitted(self, inner: Inner, host: Credentials) -> None:
        assert inner.machines.admit(_identity(host), "host") == record(inner, host)

    @pytest.mark.parametrize(
        "change", [{"role": "gateway"}, {"id": "0" * 16}, {"site_id": "0" * 16}, None], ids=str
    )
    async def test_anybody_else_is_not(self, inner: Inner, host: Credentials, change: Any) -> None:
        identity = None if change is None else replace(_identity(host), **change)
        with pytest.raises(Refused):
            inner.machines.admit(identity, "host")

    async def test_a_revoked_one_is_not(self, inner: Inner, host: Credentials) -> None:
        await _write(inner, replace(record(inner, host), revoked=True))
        with pytest.raises(Refused):
            inner.machines.admit(_identity(host), "host")

    async def test_the_certificate_before_the_newest_is_the_oldest(
        self, inner: Inner, host: Credentials
    ) -> None:
        identity = _identity(host)
        for generation, admitted in ((2, True), (3, False)):
            await _write(inner, replace(record(inner, host), generation=generation))
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


class TestForeignAnswers:
    """A machine believes no answer that does not hold together."""

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda a: [],
            lambda a: {},
            lambda a: {**a, "role": "broker"},
            lambda a: {**a, "id": "0" * 16},
            lambda a: {**a, "certificate": a["ca"]},
            lambda a: {**a, "certificate": "-----BEGIN"},
            lambda a: {**a, "site": {"id": "0" * 16, "name": "x"}},
            lambda a: {**a, "brokers": ["nowhere"]},
            lambda a: {**a, "grant_keys": []},
        ],
        ids=["list", "empty", "role", "id", "ca", "garbage", "site", "brokers", "keys"],
    )
    async def test_it_is_refused_and_nothing_is_kept(
        self, inner: Inner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Any], Any]
    ) -> None:
        enrol = inner.machines.enrol

        async def spoiled(body: Any) -> Any:
            return spoil(await enrol(body))

        monkeypatch.setattr(inner.machines, "enrol", spoiled)
        call = join(inner.address, inner.secrets.host_join_token, "h1", tmp_path / "s")
        with pytest.raises(Unavailable):
            await call
        assert not (tmp_path / "s").exists()


def _renewal(
    host: Credentials,
    old_key: ec.EllipticCurvePrivateKey | None = None,
    new_key: ec.EllipticCurvePrivateKey | None = None,
    certificate: x509.Certificate | None = None,
) -> dict[str, str]:
    csr = enrolment._csr(new_key or ec.generate_private_key(ec.SECP256R1()))
    signer = old_key or enrolment._load_key(host.pem)
    return {
        "csr": csr,
        "certificate": (certificate or host.certificate).public_bytes(Encoding.PEM).decode(),
        "signature": to_base64url(signer.sign(renewal_message(csr), ec.ECDSA(hashes.SHA256()))),
    }


def _identity(credentials: Credentials) -> Any:
    return identity_of(credentials.certificate)


async def _write(inner: Inner, machine: Host) -> None:
    result = await inner.stores.commit(inner.stores.site.put(("host", machine.id), machine.to_json()))
    assert await inner.snapshot.until(result.revision)


async def _server_certificate(inner: Inner, host: Credentials) -> x509.Certificate:
    address = inner.address.rsplit(":", 1)
    _, writer = await asyncio.open_connection(address[0], int(address[1]), ssl=client_context(host))
    der = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.transport.abort()
    return x509.load_der_x509_certificate(der)


def _certificate(key: Any, uris: list[str], issuer: x509.Name) -> x509.Certificate:
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


def _self_signed(path: Path, *more: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, [f"portcullis://{'0' * 16}/broker/{'0' * 16}"], x509.Name([]))
    path.write_text(enrolment._key_pem(key) + certificate.public_bytes(Encoding.PEM).decode() + "".join(more))
    return path


class Sealed:
    """Stands for DPAPI: what Windows does is tried under Wine (tests/e2e/test_windows.py)."""

    def __init__(self, passphrase: bytes = b"a passphrase") -> None:
        self.secret = passphrase

    def prepare(self, state: Path) -> None:
        state.mkdir(parents=True)

    def passphrase(self, state: Path) -> bytes:
        return self.secret


class TestKeyProtection:
    async def test_a_protected_key_is_never_on_disk_as_it_is_and_serves_and_renews(
        self, inner: Inner, tmp_path: Path
    ) -> None:
        state, sealed = tmp_path / "windows", Sealed()
        joined = await join(inner.address, inner.secrets.host_join_token, "w1", state, sealed, slots=1)
        loaded = Credentials.load(state, sealed)
        assert loaded == joined
        for credentials in (joined, await renew_if_due(joined, at_once=True)):
            assert b"ENCRYPTED PRIVATE KEY" in credentials.pem.read_bytes()
            assert b"BEGIN PRIVATE KEY" not in credentials.pem.read_bytes()
            client_context(credentials), server_context(credentials)

    async def test_without_what_it_was_sealed_with_it_is_of_no_use(
        self, inner: Inner, tmp_path: Path
    ) -> None:
        state = tmp_path / "windows"
        await join(inner.address, inner.secrets.host_join_token, "w1", state, Sealed(), slots=1)
        stolen = Credentials.load(state, Sealed(b"another"))
        assert stolen is not None
        with pytest.raises(ssl.SSLError):
            client_context(stolen)
        with pytest.raises(InvalidInput):
            await renew_if_due(stolen, at_once=True)
