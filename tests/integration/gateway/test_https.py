"""The public listener under https: who is served, by which certificate, and how it changes under live streams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import stat
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.app import GatewayApp, Options
from gateway.certificates import CA_FILE, GivenCertificate
from portcullis.certificate_files import CertificateFiles
from portcullis.clock import SystemClock
from portcullis.errors import InvalidInput, Refused
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn
from tests.integration.gateway.small_site import small_site, trusting
from tests.integration.gateway.stubs import LOOPBACK, NAME
from tests.support.certificates import PublicCa
from tests.support.patience import patient, until


@pytest.fixture
async def https(tmp_path):
    async with small_site(tmp_path, https=True) as running:
        yield running


@pytest.fixture(scope="module")
def public_ca() -> PublicCa:
    return PublicCa()


@contextlib.asynccontextmanager
async def client(site, **headers) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=site.tls, resolver=_Here())
    async with aiohttp.ClientSession(site.origin, connector=connector, headers=headers) as session:
        yield session


class _Here(aiohttp.abc.AbstractResolver):
    async def resolve(self, host, port=0, family=0):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


async def presented(site, context: ssl.SSLContext | None = None, name: str | None = NAME):
    """The certificate of a new connection, and what was agreed on."""
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection(
        "127.0.0.1", site.gateway.public.port, ssl=context, server_hostname=name or ""
    )
    tls = writer.get_extra_info("ssl_object")
    certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
    writer.transport.abort()
    return certificate, tls.version(), tls.selected_alpn_protocol()


async def test_the_page_is_served_with_a_policy_of_https_alone(https):
    async with client(https) as session, session.get("/") as got:
        assert got.status == 200
        policy = got.headers["Content-Security-Policy"]
        assert f"connect-src 'self' {https.origin} {https.origin.replace('https', 'wss')};" in policy
        assert "http:" not in policy and "ws:" not in policy
        assert "Strict-Transport-Security" not in got.headers


async def test_plain_origins_of_the_site_are_none_of_its_business(https):
    https.broker.public_origins = ["http://localhost:8080", https.origin]
    await https.gateway.brokers.register()
    assert https.gateway.brokers.origins.texts == (https.origin,)
    async with client(https, Host="localhost:8080") as session:
        async with session.get("/api/v1/login") as got:
            assert got.status == 421
        async with session.get("/", headers={"Sec-Fetch-Mode": "navigate"}, allow_redirects=False) as got:
            assert (got.status, got.headers["Location"]) == (308, f"{https.origin}/")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", NAME, f"{NAME}.evil.example"])
async def test_a_wrong_host_is_misdirected(https, host):
    async with client(https, Host=host) as session, session.get("/api/v1/login") as got:
        assert got.status == 421
    assert https.broker.requests == []


async def test_a_change_from_the_plain_origin_of_the_same_name_is_refused(https):
    for origin, status in ((https.origin.replace("https", "http"), 403), (https.origin, 200)):
        async with client(https) as session, session.post("/api/v1/login", headers={"Origin": origin}) as got:
            assert got.status == status


async def test_a_stream_from_the_plain_origin_is_refused(https):
    reader, writer = await https.raw()
    writer.write(https.upgrade_head(Origin=https.origin.replace("https", "http")))
    assert (await asyncio.wait_for(reader.readline(), patient(10))).split()[1] == b"403"


async def test_plain_http_to_the_tls_port_gets_nothing(https):
    reader, writer = await asyncio.open_connection("127.0.0.1", https.gateway.public.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        assert b"HTTP" not in await asyncio.wait_for(reader.read(), patient(10))
    writer.transport.abort()


async def test_modern_tls_and_http_1_1_are_agreed_on(https):
    _, version, alpn = await presented(https)
    assert (version, alpn) == ("TLSv1.3", "http/1.1")


async def test_tls_1_2_is_forward_secret_and_older_ones_are_refused(https):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await presented(https, context))[1] == "TLSv1.2"
    context.set_ciphers("AES256-GCM-SHA384:AES128-SHA:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA256")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await presented(https, context)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await presented(https, old)


@pytest.mark.parametrize("name", [None, "evil.example", NAME])
async def test_whatever_name_the_handshake_calls_the_same_certificate_is_shown(https, name):
    certificate, _, _ = await presented(https, name=name)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]


async def test_a_web_certificate_is_kept_for_the_next_start_with_its_ca_beside_it(tmp_path):
    async with small_site(tmp_path, https=True) as site:
        first, _, _ = await presented(site)
        state = site.gateway.brokers.credentials.state
        assert stat.S_IMODE((state / "public.pem").stat().st_mode) == 0o600
        root = x509.load_pem_x509_certificate((state / CA_FILE).read_bytes())
        assert root == site.broker.web_ca.root
        await site.gateway.stop()
        again = GatewayApp(site.gateway.brokers.credentials, LOOPBACK, LOOPBACK)
        try:
            await again.start()
            site.gateway = again
            assert (await presented(site))[0] == first
            assert site.broker.web_certificates == 1
        finally:
            await again.stop()


async def test_a_web_certificate_is_renewed_at_half_its_life_under_a_live_stream(tmp_path):
    class Clock(SystemClock):
        passed = 0.0

        def now(self) -> float:
            return time.time() + self.passed

    clock = Clock()
    async with small_site(tmp_path, Options(clock=clock), https=True) as site:
        stream, worker = await site.attach()
        first, _, _ = await presented(site)
        day = 24 * 3600
        clock.passed = 44 * day
        assert site.gateway.tls._remaining() > 0
        clock.passed = 46 * day
        assert site.gateway.tls._remaining() < 0
        site.broker.web_now = clock.now
        await site.gateway.tls.fetch()
        second, _, _ = await presented(site)
        assert second.public_key() != first.public_key()
        assert site.gateway.tls._remaining() > 44 * day
        worker.send(b"still here")
        assert await stream.recv() == b"still here"
        await stream.close()


async def test_a_wrong_clock_has_the_broker_asked_now_and_then_alone(tmp_path, caplog):
    class Ahead(SystemClock):
        def now(self) -> float:
            return time.time() + 60 * 24 * 3600  # past half of the 90 days, not past their end

    caplog.set_level(logging.CRITICAL + 1, "gateway.certificates")
    async with small_site(tmp_path, Options(clock=Ahead()), https=True) as site:
        await presented(site)
        asked = site.broker.web_certificates
        for _ in range(20):
            await presented(site)
        assert site.gateway.tls._remaining() < 0
        assert site.broker.web_certificates == asked


async def test_without_a_broker_handshakes_fail_until_there_is_one(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL, "gateway.certificates")
    async with small_site(tmp_path, https=True) as site:
        credentials = site.gateway.brokers.credentials
        await site.gateway.stop()
        await site.broker.stop()
        (credentials.state / "public.pem").unlink()
        fresh = GatewayApp(credentials, LOOPBACK, LOOPBACK)
        site.gateway = fresh
        try:
            await fresh.start()
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await presented(site)
        finally:
            await fresh.stop()


async def test_an_answer_that_is_no_good_leaves_the_certificate_of_before(tmp_path):
    async with small_site(tmp_path, https=True) as site:
        site.broker.web_now = lambda: time.time() - 400 * 24 * 3600  # what comes back has expired
        before, _, _ = await presented(site)
        with pytest.raises(Refused, match="expired"):
            await site.gateway.tls.fetch()
        assert (await presented(site))[0] == before


@contextlib.asynccontextmanager
async def given_site(folder, files: CertificateFiles, public_ca: PublicCa):
    async with small_site(folder, Options(certificate=files), https=True) as site:
        site.tls = trusting(public_ca.certificate)
        yield site


async def test_a_given_certificate_is_served_and_the_web_ca_not_asked(tmp_path, public_ca):
    files = public_ca.issue(NAME).write(tmp_path)
    async with given_site(tmp_path, files, public_ca) as site:
        async with client(site) as session, session.get("/") as got:
            assert got.status == 200
            assert "Strict-Transport-Security" not in got.headers  # this system does not trust that CA
        assert site.broker.web_certificates == 0


async def test_hsts_is_for_a_publicly_trusted_certificate(tmp_path, public_ca, monkeypatch):
    roots = tmp_path / "roots.pem"
    roots.write_bytes(public_ca.certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    files = public_ca.issue(NAME).write(tmp_path)
    async with given_site(tmp_path, files, public_ca) as site, client(site) as session:
        for path in ("/", "/api/v1/login", "/nowhere"):
            async with session.get(path) as got:
                assert got.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("use_rsa", [False, True])
async def test_changed_files_are_served_without_dropping_a_stream(tmp_path, public_ca, use_rsa):
    """From RSA to P-256, too: OpenSSL would go on with the old one beside the new."""
    files = public_ca.issue(NAME, use_rsa=True).write(tmp_path)
    async with given_site(tmp_path, files, public_ca) as site:
        stream, worker = await site.attach()
        watched = watching(site)
        renewed = public_ca.issue(NAME, use_rsa=use_rsa)
        replace(files, renewed)
        async with asyncio.timeout(patient(10)):
            while (await presented(site))[0] != renewed.certificate:
                await asyncio.sleep(0.01)
        worker.send(b"still here")
        assert await stream.recv() == b"still here"
        await stream.close()
        await cancel_and_wait(watched)


def watching(site) -> asyncio.Task[None]:
    site.gateway.tls._look_seconds = 0.01
    return spawn(site.gateway.tls.run(), name="eager watch")


def replace(files: CertificateFiles, issued) -> None:
    """As certbot does, one file after the other."""
    for path, content in ((files.certificate, issued.pem), (files.key, issued.key_pem())):
        new = path.with_name("new")
        new.write_bytes(content)
        new.replace(path)


async def test_an_unfit_change_is_told_and_the_one_before_stays(tmp_path, public_ca, caplog):
    files = public_ca.issue(NAME).write(tmp_path)
    async with given_site(tmp_path, files, public_ca) as site:
        before, _, _ = await presented(site)
        watched = watching(site)
        files.certificate.write_bytes(public_ca.issue("other.example").pem)
        await until(lambda: any("is not used" in record.getMessage() for record in caplog.records))
        assert (await presented(site))[0] == before
        files.certificate.unlink()
        await until(lambda: any("No such file" in record.getMessage() for record in caplog.records))
        assert (await presented(site))[0] == before
        await cancel_and_wait(watched)
        caplog.clear()


async def test_unfit_files_stop_the_start(tmp_path, public_ca):
    files = public_ca.issue("other.example").write(tmp_path)
    with pytest.raises(Refused, match=r"is for other\.example, not for"):
        GivenCertificate(files, NAME, SystemClock())


async def test_a_certificate_for_a_gateway_under_http_is_refused(tmp_path, public_ca):
    files = public_ca.issue(NAME).write(tmp_path)
    async with small_site(tmp_path) as site:
        with pytest.raises(InvalidInput, match="--certificate"):
            GatewayApp(site.gateway.brokers.credentials, LOOPBACK, LOOPBACK, Options(certificate=files))


async def test_https_may_be_bound_off_loopback(tmp_path):
    async with small_site(tmp_path, https=True) as site:
        anywhere = GatewayApp(site.gateway.brokers.credentials, Address("0.0.0.0", 0), LOOPBACK)
        await anywhere.stop()
