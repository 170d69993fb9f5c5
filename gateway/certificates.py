"""The certificate that browsers see: given in files, or got from the site's web CA. TLS of the public listener.

Either way the listener has one context for good, and each handshake takes the certificate of that moment: a changed
one touches no stream. Before there is any (a web CA that cannot be reached yet) handshakes fail.

*Given*: the two files are looked at every few seconds; what is wrong with a changed pair is logged, and the one
before stays. *From the web CA*: the key is made here and lies, with the chain, in `public.pem` of the state folder; a
new key and certificate are fetched from a broker at half of its life. The CA to trust lies beside it, `web-ca.pem`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.brokers import Brokers
from portcullis import certificate_files
from portcullis.bodies import read_bounded
from portcullis.certificate_files import CertificateFiles, CertificatePair
from portcullis.clock import Clock
from portcullis.durable import replace_file
from portcullis.errors import PortcullisError, Refused, Unavailable
from portcullis.memory_file import MemoryFile
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
FIRST_RETRY_SECONDS = 1.0
RETRY_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 3600.0  # a clock that was set, or a machine that slept, is noticed within this
MAXIMUM_ANSWER_BYTES = 64 * 1024
CA_FILE = "web-ca.pem"

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secret and authenticated alone. Those of TLS 1.3 are all good."""


class PublicTls(Protocol):
    """What the gateway needs of either kind."""

    @property
    def context(self) -> ssl.SSLContext: ...

    @property
    def publicly_trusted(self) -> bool: ...

    async def run(self) -> None:
        """Keep it fresh, for ever: a task of the composition root."""


class ServedCertificate:
    """One context for a listener; the certificate in it can be exchanged.

    Exchanging the context rather than what it holds: OpenSSL keeps a certificate a type of key, so a new P-256 one
    would leave the old RSA one in service.
    """

    def __init__(self) -> None:
        self.context = _new_context()
        self._current: ssl.SSLContext | None = None
        self.context.sni_callback = self._choose

    def show(self, pair: CertificatePair) -> None:
        """To new connections. Raises Refused("tls_refused") for what OpenSSL does not take."""
        context = _new_context()
        try:
            with MemoryFile(pair.pem) as path:
                context.load_cert_chain(path)
        except ssl.SSLError as exc:
            raise Refused(
                "tls_refused", f"The certificate cannot be used: {exc.reason or 'no reason known'}."
            ) from exc
        self._current = context

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        if self._current is not None:
            connection.context = self._current


class GivenCertificate:
    """Raises Refused("tls_refused") when the files are not fit at the start."""

    def __init__(
        self, files: CertificateFiles, name: str, clock: Clock, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._files = files
        self._name = name
        self._clock = clock
        self._look_seconds = look_seconds
        self._served = ServedCertificate()
        self.context = self._served.context
        self.publicly_trusted = False
        self._seen = self._signature()
        self._take()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            signature = self._signature()
            if signature != self._seen:
                self._seen = signature
                try:
                    self._take()
                except Refused as exc:
                    log.error("the changed certificate is not used, the one before stays: %s", exc)

    def _take(self) -> None:
        now = self._clock.now()
        pair = certificate_files.read(self._files, self._name, now)
        self._served.show(pair)
        self.publicly_trusted = certificate_files.is_publicly_trusted(pair.chain, self._name, now)
        for warning in pair.warnings:
            log.warning("%s", warning)
        log.info("certificate of %s in use until %s", self._name, pair.ends.isoformat())

    def _signature(self) -> tuple[object, ...]:
        """What changes when either file does."""
        found: list[object] = []
        for path in (self._files.certificate, self._files.key):
            try:
                status = path.stat()
            except OSError as exc:
                found.append(exc.errno)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)


class WebCertificate:
    """Shows nothing before the first fetch, unless one of before lies in `state`."""

    publicly_trusted = False

    def __init__(self, state: Path, name: str, brokers: Brokers, clock: Clock) -> None:
        self._state = state
        self._name = name
        self._brokers = brokers
        self._clock = clock
        self._served = ServedCertificate()
        self.context = self._served.context
        self.pair = self._load()

    async def run(self) -> None:
        wait = FIRST_RETRY_SECONDS
        while True:
            remaining = self._remaining()
            if remaining > 0:
                await asyncio.sleep(min(remaining, LONGEST_WAIT_SECONDS))
                continue
            try:
                await self.fetch()
                wait = FIRST_RETRY_SECONDS
                if self._remaining() <= 0:
                    log.error(
                        "the new certificate is past half of its life: is the clock of this machine right?"
                    )
                    await asyncio.sleep(RETRY_SECONDS)
            except (PortcullisError, OSError) as exc:
                log.error("no certificate from the web CA yet: %s", exc)
                await asyncio.sleep(wait)
                wait = min(wait * 2, RETRY_SECONDS)

    async def fetch(self) -> None:
        """A new key and certificate, shown from now on. Raises Refused, Unavailable, OSError."""
        key = ec.generate_private_key(ec.SECP256R1())
        chain, ca = await self._ask(_csr(key, self._name))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pair = certificate_files.parse(
            chain.encode(), private, self._name, self._clock.now(), "the broker's answer", "the key"
        )
        self._served.show(pair)
        replace_file(self._state / CA_FILE, ca)
        replace_file(self._state / "public.pem", pair.pem.decode())
        self.pair = pair
        log.info("certificate of %s from the web CA until %s", self._name, pair.ends.isoformat())

    async def _ask(self, csr: str) -> tuple[str, str]:
        """The chain and the root. Asking twice does no harm: repeatable."""
        async with self._brokers.request(
            "POST",
            "/inner/v1/web-certificate",
            headers={"Content-Type": "application/json"},
            body=json.dumps({"csr": csr}).encode(),
            repeatable=True,
        ) as answer:
            raw = await read_bounded(answer.content, MAXIMUM_ANSWER_BYTES)
            fields = Fields.parse(raw, MAXIMUM_ANSWER_BYTES)
            if answer.status != 200:
                message = fields.inner("error").text("message", 500)
                raise Unavailable("broker_unreachable", f"The broker answered {answer.status}: {message}")
        chain, ca = fields.text("certificate", MAXIMUM_ANSWER_BYTES), fields.text("ca", MAXIMUM_ANSWER_BYTES)
        try:
            x509.load_pem_x509_certificate(ca.encode())
        except ValueError as exc:
            raise Unavailable("broker_unreachable", "The broker's answer is not understood.") from exc
        return chain, ca

    def _remaining(self) -> float:
        """Seconds until a new one is due."""
        return 0.0 if self.pair is None else self.pair.half_life - self._clock.now()

    def _load(self) -> CertificatePair | None:
        """What was fetched before, if it still serves."""
        try:
            content = (self._state / "public.pem").read_bytes()
            pair = certificate_files.parse(
                content, content, self._name, self._clock.now(), "public.pem", "public.pem"
            )
            self._served.show(pair)
        except FileNotFoundError:
            return None
        except (Refused, OSError) as exc:
            log.warning("the web certificate of before is not used: %s", exc)
            return None
        return pair


def public_name(origin: str) -> str | None:
    """The name that browsers call, when the origin is https: without TLS there is none."""
    parts = urlsplit(origin)
    return parts.hostname if parts.scheme == "https" else None


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _csr(key: ec.EllipticCurvePrivateKey, name: str) -> str:
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.add_extension(names, critical=True).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()
