"""The site's grant keys (`site/key/grant/<kid>`, docs/grid.md): the newest signs, every one of them verifies.

One that is to take over (`portcullis-broker rotate-keys`) signs only from its `signs_from` on: every gateway and host
knows it by then.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.snapshot import Snapshot
from portcullis.clock import Clock, SystemClock
from portcullis.errors import Unavailable
from portcullis.tickets import from_base64url


class GrantKeys:
    def __init__(self, snapshot: Snapshot, clock: Clock | None = None) -> None:
        self._snapshot = snapshot
        self._clock: Clock = clock or SystemClock()

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """The newest key and its id. Raises Unavailable while there is none."""
        records = self._snapshot.list("site", "key", "grant")
        if not records:
            raise Unavailable(message="The site has no grant key.")
        now = self._clock.now()
        due = [record for record in records if record.value.get("signs_from", 0.0) <= now]
        value = max(due or records, key=lambda record: (record.value["created"], record.path)).value
        return value["kid"], Ed25519PrivateKey.from_private_bytes(from_base64url(value["private_key"]))

    def verifying(self) -> dict[str, str]:
        """kid -> raw public key (base64url), as gateways and agents are told."""
        records = self._snapshot.list("site", "key", "grant")
        return {record.value["kid"]: record.value["public_key"] for record in records}
