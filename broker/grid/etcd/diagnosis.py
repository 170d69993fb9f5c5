"""Why an endpoint does not answer: gRPC's own words rarely tell, so that the socket is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl

from broker.grid.etcd.address import Tls
from broker.grid.etcd.troubles import GridTlsRefused
from portcullis.memory_file import MemoryFile
from portcullis.settings import Address

SECONDS = 2.0
_VERSION_BYTES = 4096
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
"""Of HTTP/2 with empty settings: a server that lets us in answers, one that does not sends an alert."""


async def diagnose(address: Address, tls: Tls | None) -> str:
    """In an operator's words. Raises GridTlsRefused where certificates are the reason: waiting will not mend it."""
    context = None if tls is None else client_context(tls)
    try:
        async with asyncio.timeout(SECONDS):
            name = address.host if context else None
            reader, writer = await asyncio.open_connection(
                address.host, address.port, ssl=context, server_hostname=name
            )
            try:
                writer.write(_PREFACE)
                answer = await reader.read(64)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return "it does not answer in time"
    except ssl.SSLCertVerificationError as exc:
        raise GridTlsRefused(_of_member(exc)) from exc
    except ssl.SSLError as exc:
        raise GridTlsRefused(_of_client(exc, tls)) from exc
    except ConnectionRefusedError:
        return "nothing listens there"
    except ConnectionError:
        answer = b""
    except OSError as exc:
        return f"it cannot be reached: {os.strerror(exc.errno) if exc.errno else exc}"
    if answer:
        return "it is there, but did not answer"
    return "it closes the connection: " + (
        "etcds:// is with TLS, and it may be without"
        if tls
        else "etcd:// is without TLS, and it may ask for it"
    )


async def told_version(address: Address, tls: Tls | None) -> str | None:
    """What a member says at `/version`, which needs no rights beyond the certificate. None: it says nothing."""
    context = None if tls is None else client_context(tls, protocol="http/1.1")
    try:
        async with asyncio.timeout(SECONDS):
            name = address.host if context else None
            reader, writer = await asyncio.open_connection(
                address.host, address.port, ssl=context, server_hostname=name
            )
            try:
                writer.write(
                    f"GET /version HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
                )
                answer = b""
                while len(answer) < _VERSION_BYTES and (piece := await reader.read(_VERSION_BYTES)):
                    answer += piece
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        version = json.loads(answer.rpartition(b"\r\n\r\n")[2])["etcdserver"]
    except (OSError, TimeoutError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) else None


def client_context(tls: Tls, protocol: str = "h2") -> ssl.SSLContext:
    """Raises GridTlsRefused for files that are none."""
    context = ssl.create_default_context()
    context.set_alpn_protocols([protocol])
    try:
        if tls.ca is not None:
            context = ssl.create_default_context(cadata=tls.ca.decode("ascii"))
            context.set_alpn_protocols([protocol])
        if tls.certificate is not None and tls.key is not None:
            with MemoryFile(tls.certificate + b"\n" + tls.key) as path:
                context.load_cert_chain(path)
    except (ssl.SSLError, ValueError) as exc:
        raise GridTlsRefused(
            "--grid-ca, --grid-cert or --grid-key is no sound PEM file, or the key is not that of the certificate "
            f"({exc})"
        ) from exc
    return context


def _of_member(error: ssl.SSLCertVerificationError) -> str:
    reason = error.verify_message
    if "expired" in reason:
        return "its certificate has expired"
    if "mismatch" in reason or "doesn't match" in reason:
        return f"its certificate is for another name or address ({reason})"
    return f"its certificate is not of the CA of --grid-ca ({reason})"


def _of_client(error: ssl.SSLError, tls: Tls | None) -> str:
    text = str(error).lower()
    if tls is not None and tls.certificate is None and ("certificate" in text or "handshake failure" in text):
        return "it asks for a client certificate: give --grid-cert and --grid-key"
    if "expired" in text:
        return "it finds that the certificate of --grid-cert has expired"
    if "wrong version number" in text or "packet length" in text:
        return "it speaks no TLS: use etcd:// if that is meant"
    return f"it does not accept the certificate of --grid-cert ({error.reason or error})"
