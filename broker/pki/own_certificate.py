"""The broker's own certificate: made at its start with a new key, made anew every hour, never on disk."""

from __future__ import annotations

import asyncio
import ssl

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from broker.pki import certificates
from broker.pki.authority import Authority
from portcullis.memory_file import MemoryFile
from portcullis.site_tls import MachineIdentity, SiteClientContext, machine_server_context

RENEWAL_SECONDS = 3600.0
"""Of the 24 hours that it is valid: a clock that is set, or a machine that sleeps, is made good soon."""


class OwnCertificate:
    """`context` is for the inner listener; it presents the CA with the certificate, as joining machines need.
    `peer_context` is for dialling other brokers."""

    def __init__(self, authority: Authority, broker_id: str) -> None:
        self._authority = authority
        self._broker_id = broker_id
        self.peer_context = SiteClientContext(authority.ca_pem, "broker", authority.site.id)
        with MemoryFile(self._make()) as path:
            self.context: ssl.SSLContext = machine_server_context(path, authority.ca_pem)
            self.peer_context.load_cert_chain(path)

    async def run(self) -> None:
        """Renew for ever: a task of the composition root."""
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            self.renew()

    def renew(self) -> None:
        """New connections get a new certificate."""
        with MemoryFile(self._make()) as path:
            self.context.load_cert_chain(path)
            self.peer_context.load_cert_chain(path)

    def _make(self) -> bytes:
        key = certificates.new_key()
        machine = MachineIdentity(self._authority.site.id, "broker", self._broker_id, "broker")
        certificate = self._authority.issue(machine, key.public_key())
        return (
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
            + self._authority.ca_pem.encode()
        )
