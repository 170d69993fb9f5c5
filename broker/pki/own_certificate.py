"""The broker's own certificate: made at its start with a new key, made anew every hour, never on disk."""

from __future__ import annotations

import asyncio
import ssl

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from broker.pki import certificates
from broker.pki.authority import Authority
from broker.repositories.keys import CaKeys
from broker.snapshot import Change
from portcullis.memory_file import MemoryFile
from portcullis.site_tls import (
    MachineIdentity,
    ReplaceableContext,
    SiteClientContext,
    machine_server_context,
)

RENEWAL_SECONDS = 3600.0
"""Of the 24 hours that it is valid: a clock that is set, or a machine that sleeps, is made good soon."""


class OwnCertificate:
    """`context` is for the inner listener; it presents the CA with the certificate, as joining machines need.
    `peer_context` is for dialling other brokers. Both follow the site's CAs.
    """

    def __init__(self, authority: Authority, broker_id: str) -> None:
        self._authority = authority
        self._broker_id = broker_id
        self._due = asyncio.Event()
        server, peer = self._make()
        self.context = ReplaceableContext(server)
        self.peer_context = ReplaceableContext(peer)

    async def run(self) -> None:
        """Renew for ever: a task of the composition root."""
        while True:
            try:
                async with asyncio.timeout(RENEWAL_SECONDS):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            self.renew()

    def changed(self, change: Change) -> None:
        """To be told of every change of the snapshot."""
        if CaKeys.is_touched_by(change):
            self._due.set()

    def renew(self) -> None:
        """New connections get a new certificate, and are judged by the CAs of now."""
        server, peer = self._make()
        self.context.replace(server)
        self.peer_context.replace(peer)

    def _make(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        key = certificates.new_key()
        machine = MachineIdentity(self._authority.site.id, "broker", self._broker_id, "broker")
        certificate = self._authority.issue(machine, key.public_key())
        pem = (
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
            + self._authority.signing_pem.encode()
        )
        peer = SiteClientContext(self._authority.ca_pem, "broker", machine.site_id)
        with MemoryFile(pem) as path:
            server = machine_server_context(path, self._authority.ca_pem)
            peer.load_cert_chain(path)
        return server, peer
