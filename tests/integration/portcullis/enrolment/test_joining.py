"""Joining a machine to a site: the token, the pin, and answers of somebody else."""

from __future__ import annotations

import asyncio
import socket
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.join_token import parse_join_token
from portcullis.enrolment.joining import join
from portcullis.enrolment.renewal import renew_if_due
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.model.host import Host
from tests.integration.portcullis.enrolment.conftest import (
    DAY,
    join_gateway,
    record,
    refusal,
    self_signed,
    who,
)
from tests.support.inner_listener import Inner, inner_listener


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
            inner, tmp_path, self_signed(tmp_path / "m.pem", inner.authority.ca_pem)
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
