"""Dialling a gateway for a client that waits there: TLS that pins the site's CA and the gateway's name."""

from __future__ import annotations

import asyncio
import re
import ssl

from agents.worker.stream import Stream
from portcullis.address import Address
from portcullis.errors import ProtocolError, Refused, Unavailable
from portcullis.protocol.worker_channel import Dial
from portcullis.site_tls import check_peer, worker_context

TIMEOUT_SECONDS = 5.0
"""As long as a rendezvous lives."""
_RENDEZVOUS = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Dialler:
    """For one session of a host of `site`."""

    def __init__(self, ca: str, site: str, session: str) -> None:
        self._ca = ca
        self._context = worker_context(ca, site)
        self._site = site
        self._session = session

    def trust(self, ca: str) -> None:
        """From now on these CAs; nothing: those of before. Raises ProtocolError."""
        if ca and ca != self._ca:
            try:
                self._context = worker_context(ca, self._site)
            except ssl.SSLError as exc:
                raise ProtocolError("a CA is malformed") from exc
            self._ca = ca

    async def dial(self, order: Dial) -> Stream:
        """An open stream. Raises Unavailable("gateway_unreachable"), Refused("certificate_refused")."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._dial(order)
        except (OSError, ValueError) as exc:
            raise Unavailable("gateway_unreachable", str(exc) or None) from exc

    async def _dial(self, order: Dial) -> Stream:
        if _RENDEZVOUS.fullmatch(order.rendezvous) is None:
            raise ValueError("not a rendezvous")
        address = Address.parse(order.gateway.address)
        _, stream = await asyncio.get_running_loop().create_connection(
            lambda: _PatientStream(order, self._session, self._site),
            address.host,
            address.port,
            ssl=self._context,
        )
        try:
            await stream.opened
        except BaseException:
            stream.abort()
            raise
        return stream


class _PatientStream(Stream):
    """Says nothing before the gateway is known to be the one that was named."""

    def __init__(self, order: Dial, session: str, site: str) -> None:
        super().__init__(str(Address.parse(order.gateway.address)), order.rendezvous, session)
        self._name = order.gateway.name
        self._site = site

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer: ssl.SSLObject = transport.get_extra_info("ssl_object")
        try:
            check_peer(peer, role="gateway", site_id=self._site, name=self._name)
        except Refused as exc:
            self.opened.set_exception(exc)
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
            return
        super().connection_made(transport)
