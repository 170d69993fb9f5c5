"""What a machine asks of a broker, and which one is believed: first by the pin of its CA, then by the CA."""

from __future__ import annotations

import asyncio
import hmac
import json
import ssl
from typing import Any, cast

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.authorities import public_key_hash
from portcullis.bodies import read_bounded
from portcullis.enrolment.credentials import Credentials
from portcullis.errors import CODES, Refused, Unavailable
from portcullis.settings import Address
from portcullis.site_tls import SiteClientContext

TIMEOUT_SECONDS = 10.0
MAXIMUM_ANSWER_BYTES = 1024 * 1024


async def pinned_ca(address: Address, pin: str) -> str:
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


async def post_to_any(credentials: Credentials, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Without our certificate, which may have expired: the body proves who we are."""
    context = SiteClientContext(credentials.ca, "broker", credentials.site_id)
    last: Unavailable = Unavailable("broker_unreachable")
    for broker in credentials.brokers:
        try:
            return await post(Address.parse(broker), path, body, context)
        except Unavailable as exc:
            last = exc
    raise last


async def post(address: Address, path: str, body: dict[str, Any], context: ssl.SSLContext) -> dict[str, Any]:
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
    raw = await read_bounded(response.content, MAXIMUM_ANSWER_BYTES)
    if len(raw) > MAXIMUM_ANSWER_BYTES:
        raise aiohttp.ClientPayloadError("the answer is too long")
    return raw


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
