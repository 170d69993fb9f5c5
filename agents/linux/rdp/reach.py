"""Meeting an RDP server before a session is started for it: its name is resolved once, its address judged, and the
server asked for its security. Each step has a deadline; each way to fail has a code of its own.

Behind an RD Gateway the server is the gateway's to find: then the gateway is met, and its TLS certificate, which
FreeRDP checks by name, stands for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence

from agents.linux.rdp import negotiation
from agents.linux.rdp.addresses import Network, why_refused
from agents.linux.rdp.command import Target
from portcullis.errors import PortcullisError
from portcullis.model.rdp import RdpTarget

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 8.0
MOST_ADDRESSES = 8

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def reach(rdp: RdpTarget, allowed: Sequence[Network] = ()) -> Target:
    """Raises PortcullisError: rdp_unreachable, rdp_address_refused, rdp_timeout, rdp_security_refused, rdp_protocol."""
    if (gateway := rdp.gateway_address) is not None:
        async with _connection(await addresses(*gateway, allowed), gateway[1]):
            return Target(rdp, None)
    found = await addresses(rdp.server, rdp.port, allowed)
    async with _connection(found, rdp.port) as (address, streams):
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await _negotiate(rdp, streams)
        except TimeoutError as exc:
            raise PortcullisError("rdp_timeout", _about(rdp, "takes connections and says nothing")) from exc
    return Target(rdp, address)


async def addresses(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    """Raises PortcullisError: rdp_unreachable, rdp_address_refused. One address that is refused refuses them all."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as exc:
        raise PortcullisError("rdp_unreachable", f"The name {host} is not resolved in time.") from exc
    except (OSError, UnicodeError) as exc:
        raise PortcullisError("rdp_unreachable", f"The name {host} cannot be resolved: {exc}.") from exc
    texts = list(dict.fromkeys(str(each[4][0]) for each in found))[:MOST_ADDRESSES]
    for text in texts:
        if (trouble := why_refused(text, allowed)) is not None:
            raise PortcullisError("rdp_address_refused", f"{host} is {text}, which is {trouble}.")
    return texts


@contextlib.asynccontextmanager
async def _connection(found: Sequence[str], port: int) -> AsyncIterator[tuple[str, Streams]]:
    """To the first address that takes it. Raises PortcullisError("rdp_unreachable")."""
    trouble: Exception | None = None
    for address in found:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError) as exc:
            trouble = exc
            continue
        try:
            yield address, (reader, writer)
        finally:
            writer.transport.abort()
        return
    said = f": {trouble}" if str(trouble or "") else " in time"
    raise PortcullisError(
        "rdp_unreachable", f"No connection to {', '.join(found)}, port {port}{said}."
    ) from trouble


async def _negotiate(rdp: RdpTarget, streams: Streams) -> None:
    reader, writer = streams
    try:
        writer.write(negotiation.request(rdp.security))
        header = await reader.readexactly(4)
        is_fit = negotiation.is_fit(rdp.security, await reader.readexactly(negotiation.length_of(header)))
    except (negotiation.NotRdp, asyncio.IncompleteReadError, OSError) as exc:
        raise PortcullisError("rdp_protocol", _about(rdp, "does not answer as an RDP server does")) from exc
    if not is_fit:
        raise PortcullisError("rdp_security_refused", _about(rdp, f"does not offer {rdp.security}"))


def _about(rdp: RdpTarget, what: str) -> str:
    return f"{rdp.server}:{rdp.port} {what}."
