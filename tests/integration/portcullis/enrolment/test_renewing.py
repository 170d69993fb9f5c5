"""Certificates are renewed by those they belong to, in time, and by nobody else."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.authorities import public_key_hash
from portcullis.enrolment import renewal
from portcullis.enrolment.credentials import Credentials, client_context, refresh, server_context
from portcullis.enrolment.joining import join
from portcullis.enrolment.keys import load_key
from portcullis.enrolment.renewal import Renewal, renew_if_due, renewal_message
from portcullis.errors import InvalidInput
from portcullis.tasks import cancel_and_wait
from portcullis.tickets import to_base64url
from tests.integration.portcullis.enrolment.conftest import (
    DAY,
    a_certificate,
    a_renewal,
    record,
    refusal,
    server_certificate,
    who,
    write_machine,
)
from tests.support.inner_listener import Inner
from tests.support.patience import patient


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
        assert kept.key_hash == public_key_hash(host.certificate.public_key())

    async def test_a_machine_that_was_off_renews_for_thirty_days(
        self, inner: Inner, host: Credentials
    ) -> None:
        inner.clock.advance(31 * DAY - 10)
        assert await renew_if_due(host, inner.clock) is not host

    async def test_after_thirty_days_it_must_join_again(self, inner: Inner, host: Credentials) -> None:
        inner.clock.advance(31 * DAY + 10)
        assert await refusal(renew_if_due(host, inner.clock)) == "certificate_refused"

    async def test_a_revoked_machine_does_not_renew(self, inner: Inner, host: Credentials) -> None:
        await write_machine(inner, replace(record(inner, host), revoked=True))
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
        await write_machine(inner, before)
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
        async with asyncio.timeout(patient(30)):
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
        monkeypatch.setattr(renewal, "RETRY_SECONDS", 0.001)
        inner.answers_lost = 2
        told: asyncio.Queue[Credentials] = asyncio.Queue()
        inner.clock.advance(0.6 * DAY)
        task = asyncio.ensure_future(Renewal(host, told.put_nowait, inner.clock).run())
        async with asyncio.timeout(patient(30)):
            assert (await told.get()).id == host.id
        await cancel_and_wait(task)
        assert "not renewed yet" in caplog.text


class TestForgedRenewals:
    """Bodies made by hand, against the broker's own code."""

    async def test_the_old_key_must_have_signed(self, inner: Inner, host: Credentials) -> None:
        body = a_renewal(host)
        other = ec.generate_private_key(ec.SECP256R1())
        forged = to_base64url(other.sign(renewal_message(body["csr"]), ec.ECDSA(hashes.SHA256())))
        for signature in (forged, to_base64url(b"short"), to_base64url(bytes(70))):
            assert (
                await refusal(inner.machines.renew({**body, "signature": signature})) == "certificate_refused"
            )

    async def test_a_signature_is_for_its_own_request(self, inner: Inner, host: Credentials) -> None:
        swapped = {**a_renewal(host), "csr": a_renewal(host)["csr"]}
        assert await refusal(inner.machines.renew(swapped)) == "certificate_refused"

    async def test_the_new_key_must_differ(self, inner: Inner, host: Credentials) -> None:
        body = a_renewal(host, new_key=load_key(host.pem))
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
        body = a_renewal(host, old_key=key, certificate=a_certificate(key, uris, host.certificate.issuer))
        assert await refusal(inner.machines.renew(body)) == "certificate_refused"

    async def test_the_brokers_own_certificate_cannot_be_renewed(
        self, inner: Inner, host: Credentials
    ) -> None:
        certificate = await server_certificate(inner, host)
        body = {**a_renewal(host), "certificate": certificate.public_bytes(Encoding.PEM).decode()}
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
        body = {**a_renewal(host), **wrong} if wrong else {}
        with pytest.raises(InvalidInput) as raised:
            await inner.machines.renew(body)
        assert raised.value.field == next(iter(wrong), "csr")

    async def test_only_p256_keys_are_certified(self, inner: Inner, host: Credentials) -> None:
        for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
            builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
            csr = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
            assert await refusal(inner.machines.renew({**a_renewal(host), "csr": csr})) == "invalid_field"


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
