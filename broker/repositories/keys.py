"""The site's grant keys: the newest signs, every one of them still verifies.

The records are made by `broker.initialise`: `site/key/grant/<kid>` = the raw private Ed25519 key and when it was made.
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.grid.scopes import Record
from broker.snapshot import Snapshot
from portcullis.errors import Unavailable
from portcullis.tickets import to_base64url


class GrantKeys:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """The newest key and its id. Raises Unavailable while there is none."""
        records = self._records()
        if not records:
            raise Unavailable(message="The site has no grant key.")
        newest = max(records, key=lambda record: record.create_revision)
        return newest.path[2], _private_key(newest)

    def verifying(self) -> dict[str, str]:
        """{kid: base64url of the raw public key}, as gateways and agents are told."""
        return {
            record.path[2]: to_base64url(_private_key(record).public_key().public_bytes_raw())
            for record in sorted(self._records(), key=lambda record: record.path)
        }

    def _records(self) -> list[Record]:
        return self._snapshot.list("site", "key", "grant")


def _private_key(record: Record) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(record.value["private_key"]))
