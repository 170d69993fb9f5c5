"""How a host or gateway becomes a machine of its site, and stays one.

`join` spends a one-time token. The token carries the hash of the CA's public key: the CA certificate is taken
from the chain that the broker presents, and only after it matched, on a second connection verified against
it, is the token sent. From then on the machine has a certificate of 24 hours, which `Renewal` replaces at
half its life, each time with a new key. A machine that was off may still renew for 30 days after the expiry,
by a signature of its old key.

The state folder holds `machine.pem` (key and certificate chain, mode 0600, replaced as one file),
`machine.json` (what else is known of the site) and, while a renewal is under way, `renewal.pem`: the key that
was sent, so that a renewal whose answer was lost is asked for again under the same key.

While the site changes its CA, brokers announce which ones are trusted (`Renewal.announce`): a machine that knows others
renews soon, gets them with the answer, and renews once more to say that it trusts them now.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from portcullis import authorities
from portcullis.authorities import public_key_hash
from portcullis.clock import Clock, SystemClock
from portcullis.durable import replace_file
from portcullis.errors import CODES, InvalidInput, Refused, Unavailable
from portcullis.ids import BearerSecret, parse_secret
from portcullis.model.host import MachineRole
from portcullis.settings import Address
from portcullis.site_tls import (
    MachineIdentity,
    PeerRole,
    ReplaceableContext,
    SiteClientContext,
    check_peer,
    machine_server_context,
    parse_uri,
    peer_identity,
    worker_context,
)
from portcullis.tickets import to_base64url

__all__ = [
    "Credentials",
    "JoinTokenText",
    "KeyProtection",
    "MachineIdentity",
    "Renewal",
    "check_peer",
    "client_context",
    "join",
    "parse_join_token",
    "peer_identity",
    "public_key_hash",
    "refresh",
    "renew_if_due",
    "renewal_message",
    "server_context",
    "worker_context",
]

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
RETRY_SECONDS = 60.0
HASTE_SECONDS = 20.0
"""Within this every machine of a site renews when its CA changes: not all at one moment."""
LOOK_SECONDS = 15.0
"""While there are several CAs: sessions that know one of them only may have ended."""
LONGEST_WAIT_SECONDS = 3600.0  # a clock that was set, or a machine that slept, is noticed within this
MAXIMUM_ANSWER_BYTES = 1024 * 1024


class KeyProtection(Protocol):
    """What keeps a machine's key from others where modes of files do not: on Windows."""

    def prepare(self, state: Path) -> None:
        """Make the folder, for the eyes of this machine's agent and administrators alone. Raises OSError."""
        ...

    def passphrase(self, state: Path) -> bytes:
        """What the keys of this folder are encrypted with; made at the first call. Raises InvalidInput, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class JoinTokenText:
    """A join token as it is handed over: the secret, and the pin of the site's CA."""

    secret: BearerSecret
    pin: str
    """SHA-256 (hex) of the CA's public key (SubjectPublicKeyInfo, DER)."""

    @property
    def text(self) -> str:
        return f"{self.secret.text}_{self.pin}"


def parse_join_token(text: str) -> JoinTokenText | None:
    head, _, pin = text.strip().rpartition("_")
    secret = parse_secret(head, "join")
    if secret is None or len(pin) != 64 or set(pin) - set("0123456789abcdef"):
        return None
    return JoinTokenText(secret, pin)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A machine's identity as it lies in its state folder. The key is in `pem` alone, never in memory here."""

    state: Path
    role: MachineRole
    id: str
    name: str
    site_id: str
    site_name: str
    ca: str
    """The bundle of the site's CAs (`portcullis.authorities`)."""
    brokers: tuple[str, ...]
    """Addresses, `host:port`, of brokers that were live when this was written."""
    grant_keys: Mapping[str, str]
    """kid -> raw Ed25519 public key, base64url."""
    public_origins: tuple[str, ...]
    public_origin: str = ""
    """Of a gateway: where browsers reach it."""
    own_names: tuple[str, ...] = ()
    """Of a gateway: origins of tenants' own host names."""
    told: tuple[str, ...] = ()
    """Pins of the CAs that it last said to trust."""
    protection: KeyProtection | None = field(default=None, compare=False, repr=False)
    """None: the key lies there as it is, in a file that nobody else may read."""

    @property
    def authorities(self) -> tuple[str, ...]:
        """Pins of the CAs that it knows, the one that signs in front."""
        return authorities.pins(self.ca)

    @property
    def pem(self) -> Path:
        return self.state / "machine.pem"

    @property
    def passphrase(self) -> bytes | None:
        return _passphrase(self.state, self.protection)

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.pem.read_bytes())

    @classmethod
    def load(cls, state: Path, protection: KeyProtection | None = None) -> Credentials | None:
        """None when the machine has not joined yet. Raises InvalidInput for a damaged folder."""
        try:
            data = json.loads((state / "machine.json").read_text())
            credentials = cls._from_json(state, data, protection)
            _ = credentials.certificate
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise InvalidInput(
                str(state), "the credentials of a machine: remove the folder to join again"
            ) from exc
        return credentials

    def with_site(
        self,
        *,
        brokers: tuple[str, ...] | None = None,
        grant_keys: Mapping[str, str] | None = None,
        public_origins: tuple[str, ...] | None = None,
        own_names: tuple[str, ...] | None = None,
    ) -> Credentials:
        """The same machine with what a broker said since; written to the folder when it differs."""
        changed = replace(
            self,
            brokers=self.brokers if brokers is None else brokers,
            grant_keys=self.grant_keys if grant_keys is None else grant_keys,
            public_origins=self.public_origins if public_origins is None else public_origins,
            own_names=self.own_names if own_names is None else own_names,
        )
        if changed != self:
            changed._write()
        return changed

    def _write(self) -> None:
        data = {
            "role": self.role,
            "id": self.id,
            "name": self.name,
            "site": {"id": self.site_id, "name": self.site_name},
            "ca": self.ca,
            "brokers": list(self.brokers),
            "grant_keys": dict(self.grant_keys),
            "public_origins": list(self.public_origins),
            "public_origin": self.public_origin,
            "own_names": list(self.own_names),
            "told": list(self.told),
        }
        replace_file(self.state / "machine.json", json.dumps(data, indent=2) + "\n")

    @classmethod
    def _from_json(
        cls, state: Path, data: dict[str, Any], protection: KeyProtection | None = None
    ) -> Credentials:
        """Of a file of ours or of an enrolment answer. Raises KeyError, TypeError, ValueError."""
        if data["role"] not in ("host", "gateway"):
            raise ValueError("role")
        return cls(
            state=state,
            role=data["role"],
            id=str(data["id"]),
            name=str(data["name"]),
            site_id=str(data["site"]["id"]),
            site_name=str(data["site"]["name"]),
            ca=str(data["ca"]),
            brokers=tuple(str(Address.parse(broker)) for broker in data["brokers"]),
            grant_keys={str(kid): str(key) for kid, key in data["grant_keys"].items()},
            public_origins=tuple(map(str, data["public_origins"])),
            public_origin=str(data.get("public_origin", "")),
            own_names=tuple(map(str, data.get("own_names", ()))),
            told=tuple(map(str, data.get("told", ()))),
            protection=protection,
        )


def client_context(credentials: Credentials, role: PeerRole = "broker") -> ReplaceableContext:
    """To dial a machine of this role with our certificate. Any other peer fails the handshake."""
    return ReplaceableContext(_client_context(credentials, role))


def server_context(credentials: Credentials) -> ReplaceableContext:
    """For an inner listener: certificates of clients are optional and, when given, of the site (`peer_identity`)."""
    return ReplaceableContext(machine_server_context(credentials.pem, credentials.ca, credentials.passphrase))


def refresh(context: ReplaceableContext, credentials: Credentials) -> None:
    """Let new connections of `context` use the renewed certificate, and trust what it came with."""
    now = context.now
    if isinstance(now, SiteClientContext):
        context.replace(_client_context(credentials, now.wanted_role))
    else:
        context.replace(machine_server_context(credentials.pem, credentials.ca, credentials.passphrase))


def _client_context(credentials: Credentials, role: PeerRole) -> ssl.SSLContext:
    context = SiteClientContext(credentials.ca, role, credentials.site_id)
    context.load_cert_chain(credentials.pem, password=credentials.passphrase)
    return context


async def join(
    broker: Address | str,
    token: str,
    name: str,
    state: Path,
    protection: KeyProtection | None = None,
    **claims: str | int,
) -> Credentials:
    """Enrol this machine and write its credentials to `state`. Claims: `role`, `slots`, `address`, `public_origin`.

    Raises InvalidInput for what is malformed; Refused: join_refused, join_role, already_exists, certificate_refused
    (this is not the broker that the token is for); Unavailable("broker_unreachable").
    """
    address = Address.parse(broker) if isinstance(broker, str) else broker
    parsed = parse_join_token(token)
    if parsed is None:
        raise InvalidInput("token", "a join token, whole: join_…")
    ca = await _pinned_ca(address, parsed.pin)
    key = ec.generate_private_key(ec.SECP256R1())
    body = {"token": parsed.text, "csr": _csr(key), "name": name, **claims}
    context = SiteClientContext(ca, "broker", parsed.secret.scope)
    answer = await _post(address, "/inner/v1/enrol", body, context)
    if protection is not None:
        protection.prepare(state)
    return _accept(answer, key, state, ca, parsed.secret.scope, (str(address),), protection)


async def renew_if_due(
    credentials: Credentials,
    clock: Clock | None = None,
    *,
    at_once: bool = False,
    trusts: Sequence[str] | None = None,
) -> Credentials:
    """The same credentials before half of the certificate's life has passed, else renewed ones. `trusts`: pins of the
    CAs that all of this machine trusts; None: of those that it knows.

    Raises Refused("certificate_refused") when the machine must join again, Unavailable when no broker answers.
    """
    if not at_once and (clock or SystemClock()).now() < _renewal_time(credentials):
        return credentials
    trusted = tuple(credentials.authorities if trusts is None else trusts)
    passphrase = credentials.passphrase
    old_key = _load_key(credentials.pem, passphrase)
    new_key = _pending_key(credentials.state / "renewal.pem", old_key, passphrase)
    csr = _csr(new_key)
    body = {
        "certificate": credentials.certificate.public_bytes(Encoding.PEM).decode(),
        "csr": csr,
        "signature": to_base64url(old_key.sign(renewal_message(csr), ec.ECDSA(hashes.SHA256()))),
        "trusts": list(trusted),
    }
    answer = await _post_to_any(credentials, "/inner/v1/renew", body)
    renewed = _accept(
        {**answer, "told": trusted},
        *(new_key, credentials.state, credentials.ca, credentials.site_id, credentials.brokers),
        credentials.protection,
    )
    (credentials.state / "renewal.pem").unlink()
    return renewed


def renewal_message(csr: str) -> bytes:
    """What the old key signs (ECDSA, SHA-256, DER)."""
    return b"portcullis-renew.v1\0" + csr.encode()


class Renewal:
    """Keeps a machine's certificate fresh: `run` is a task of the machine's composition root."""

    def __init__(
        self,
        credentials: Credentials,
        on_renewed: Callable[[Credentials], None],
        clock: Clock | None = None,
        trusts: Callable[[Credentials], Sequence[str]] = lambda credentials: credentials.authorities,
    ) -> None:
        """`trusts`: pins of the CAs that all of the machine trusts, whatever else runs on it included."""
        self.credentials = credentials
        self._on_renewed = on_renewed
        self._clock: Clock = clock or SystemClock()
        self._trusts = trusts
        self._announced: tuple[str, ...] = ()
        self._news = asyncio.Event()

    def announce(self, pins: Sequence[str]) -> None:
        """A broker said which CAs the site has, the one that signs in front. Nothing: it is older than to say so."""
        if pins:
            self._announced = tuple(pins)
            self._news.set()

    async def run(self) -> None:
        """Renew at half of each certificate's life, and when the site's CAs change, for ever. A failure is logged and
        tried again.
        """
        while True:
            await self._until_due()
            try:
                renewed = await renew_if_due(
                    self.credentials,
                    self._clock,
                    at_once=self._is_behind(),
                    trusts=self._trusts(self.credentials),
                )
            except (Refused, Unavailable, InvalidInput, OSError) as exc:
                log.error("the certificate is not renewed yet: %s", exc)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if renewed is not self.credentials:
                self.credentials = renewed
                log.info("certificate renewed until %s", renewed.certificate.not_valid_after_utc.isoformat())
                self._on_renewed(renewed)

    async def _until_due(self) -> None:
        self._news.clear()
        if self._is_behind():
            await asyncio.sleep(HASTE_SECONDS * secrets.randbelow(1024) / 1024)
            return
        try:
            async with asyncio.timeout(self._wait_seconds()):
                await self._news.wait()
        except TimeoutError:
            pass

    def _is_behind(self) -> bool:
        """Whether the site has other CAs than it knows, or does not know yet what it trusts."""
        known = self.credentials.authorities
        if self._announced and self._announced != known:
            return True
        return len(known) > 1 and set(self._trusts(self.credentials)) != set(self.credentials.told)

    def _wait_seconds(self) -> float:
        remaining = _renewal_time(self.credentials) - self._clock.now()
        longest = LONGEST_WAIT_SECONDS if len(self.credentials.authorities) == 1 else LOOK_SECONDS
        return min(max(0.0, remaining), longest)


def _renewal_time(credentials: Credentials) -> float:
    certificate = credentials.certificate
    start = certificate.not_valid_before_utc.timestamp()
    return start + (certificate.not_valid_after_utc.timestamp() - start) / 2


async def _pinned_ca(address: Address, pin: str) -> str:
    """The CA certificate (PEM) of the chain that the broker presents, if its public key is the pinned one.

    Nothing is sent on this connection, and nothing of it is believed but what the pin proves.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    for der in await _presented_chain(address, context):
        certificate = x509.load_der_x509_certificate(der)
        if hmac.compare_digest(public_key_hash(certificate.public_key()), pin):
            return certificate.public_bytes(Encoding.PEM).decode()
    raise Refused("certificate_refused", f"{address} is not a broker of the site that the token is for.")


async def _presented_chain(address: Address, context: ssl.SSLContext) -> list[bytes]:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    except (OSError, TimeoutError) as exc:
        raise Unavailable("broker_unreachable", f"No broker answers at {address}.") from exc
    ssl_object = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    # Public since Python 3.13; before, only the inner object has it, under the same name.
    chain = getattr(ssl_object, "get_unverified_chain", None) or ssl_object._sslobj.get_unverified_chain
    return [part if isinstance(part, bytes) else part.public_bytes(_SSL_DER) for part in chain()]


_SSL_DER = 2  # _ssl.ENCODING_DER


async def _post_to_any(credentials: Credentials, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Without our certificate, which may have expired: the body proves who we are."""
    context = SiteClientContext(credentials.ca, "broker", credentials.site_id)
    last: Unavailable = Unavailable("broker_unreachable")
    for broker in credentials.brokers:
        try:
            return await _post(Address.parse(broker), path, body, context)
        except Unavailable as exc:
            last = exc
    raise last


async def _post(address: Address, path: str, body: dict[str, Any], context: ssl.SSLContext) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(f"https://{address}{path}", json=body, ssl=context) as response,
        ):
            return _answer(address, response.status, await _bounded_body(response))
    except aiohttp.ClientConnectorCertificateError as exc:
        raise Refused("certificate_refused", f"{address} is not a broker of this site.") from exc
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        raise Unavailable("broker_unreachable", f"No broker answers at {address}.") from exc


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > MAXIMUM_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return bytes(raw)


def _answer(address: Address, status: int, raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw)
        error = data.get("error") if status != 200 else None
    except (ValueError, AttributeError, RecursionError) as exc:
        raise Unavailable("broker_unreachable", f"{address} does not answer as a broker does.") from exc
    if status == 200 and isinstance(data, dict):
        return data
    code = error.get("code") if isinstance(error, dict) else None
    if status >= 500 or code not in CODES:
        raise Unavailable("broker_unreachable", f"The broker at {address} cannot answer now ({status}).")
    raise Refused(code, str(cast(dict[str, Any], error).get("message", CODES[code])))


def _accept(
    answer: dict[str, Any],
    key: ec.EllipticCurvePrivateKey,
    state: Path,
    ca: str,
    site_id: str,
    known_brokers: tuple[str, ...],
    protection: KeyProtection | None = None,
) -> Credentials:
    """Check an enrolment or renewal answer against what was asked, and write it. It came from a broker that `ca`
    vouches for, and says which CAs the site has.

    `known_brokers` stay when the answer names none, as that of a broker that starts does.
    """
    try:
        brokers = answer["brokers"] or known_brokers
        bundle = str(answer.get("ca", ca))
        credentials = Credentials._from_json(state, {**answer, "ca": bundle, "brokers": brokers}, protection)
        certificate = x509.load_pem_x509_certificate(str(answer["certificate"]).encode())
        _check_certificate(certificate, key, bundle, credentials)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Unavailable("broker_unreachable", "The broker's answer is not understood.") from exc
    if credentials.site_id != site_id:
        raise Unavailable("broker_unreachable", "The broker answered for another site.")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_pem = _key_pem(key, credentials.passphrase)
    replace_file(credentials.pem, key_pem + certificate.public_bytes(Encoding.PEM).decode() + bundle)
    credentials._write()
    return credentials


def _check_certificate(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, ca: str, credentials: Credentials
) -> None:
    """Raises ValueError unless one of the CAs issued it for our key and the identity that the answer states."""
    if certificate.public_key() != key.public_key():
        raise ValueError("the certificate is for another key")
    try:
        issuer = authorities.issuer_pin(certificate, ca)
    except (
        Exception
    ) as exc:  # the library raises whatever its backend does; all of it means: not issued by the CA
        raise ValueError("the certificate is not by the site's CA") from exc
    if issuer is None:
        raise ValueError("the certificate is not by the site's CA")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    identities = [parse_uri(uri) for uri in names.get_values_for_type(x509.UniformResourceIdentifier)]
    if identities != [MachineIdentity(credentials.site_id, credentials.role, credentials.id)]:
        raise ValueError("the certificate is for another machine")


def _csr(key: ec.EllipticCurvePrivateKey) -> str:
    """Only its key and signature count: who the machine is, the broker says."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _pending_key(
    path: Path, current: ec.EllipticCurvePrivateKey, passphrase: bytes | None
) -> ec.EllipticCurvePrivateKey:
    """The key of a renewal whose answer was not seen, else a new one, written before it is sent."""
    try:
        pending = _load_key(path, passphrase)
        if pending.public_key() != current.public_key():
            return pending
    except (FileNotFoundError, InvalidInput):
        pass  # none, or cut off while it was written: it was never sent
    key = ec.generate_private_key(ec.SECP256R1())
    replace_file(path, _key_pem(key, passphrase))
    return key


def _load_key(path: Path, passphrase: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase)
    except (
        ValueError,
        TypeError,
    ) as exc:  # TypeError: it is encrypted and nothing opens it, or the other way round
        raise InvalidInput(str(path), "a private key") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidInput(str(path), "a P-256 key")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> str:
    protected = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protected).decode()


def _passphrase(state: Path, protection: KeyProtection | None) -> bytes | None:
    return None if protection is None else protection.passphrase(state)
