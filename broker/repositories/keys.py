"""The site's CAs and grant keys (`site/key/ca/<kid>`, `site/key/grant/<kid>`, docs/grid.md): of grant keys the newest
signs, every one of them verifies.

One that is to take over (`portcullis-broker rotate-keys`) signs only from its `signs_from` on: every gateway and host
knows it by then.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.grid.scopes import Path, Record
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock, SystemClock
from portcullis.errors import Unavailable
from portcullis.tickets import from_base64url

CA = ("key", "ca")
NEXT_CA = ("key", "ca-next")
"""Under a name of its own: brokers of before sign with the newest of the other."""


class CaKeys:
    """The site's CAs: the newest signs, the one before is trusted as long as a certificate of it may be in use, and one
    that is to take over is trusted already (`broker.pki.rotation`).
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @property
    def signing(self) -> Record:
        """Raises Unavailable while there is none."""
        records = self._snapshot.list("site", *CA)
        if not records:
            raise Unavailable()
        return max(records, key=_age)

    @property
    def retiring(self) -> list[Record]:
        """Those before it."""
        return sorted(self._snapshot.list("site", *CA), key=_age, reverse=True)[1:]

    @property
    def coming(self) -> Record | None:
        return max(self._snapshot.list("site", *NEXT_CA), key=_age, default=None)

    def trusted(self) -> list[Record]:
        """The one that signs in front. Raises Unavailable."""
        coming = self.coming
        return [self.signing, *self.retiring, *([coming] if coming else [])]

    def pins(self) -> tuple[str, ...]:
        """Of the trusted ones. None while there is no site."""
        if not self._snapshot.list("site", *CA):
            return ()
        return tuple(str(record.value["pin"]) for record in self.trusted())

    @staticmethod
    def is_touched_by(change: Change) -> bool:
        return change.scope == "site" and change.path[:2] in (CA, NEXT_CA)


def _age(record: Record) -> tuple[float, Path]:
    return record.value["created"], record.path


class GrantKeys:
    def __init__(self, snapshot: Snapshot, clock: Clock | None = None) -> None:
        self._snapshot = snapshot
        self._clock: Clock = clock or SystemClock()
        self._opened: tuple[str, Ed25519PrivateKey] | None = None

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """The newest key and its id. Raises Unavailable while there is none."""
        records = self._snapshot.list("site", "key", "grant")
        if not records:
            raise Unavailable(message="The site has no grant key.")
        now = self._clock.now()
        due = [record for record in records if record.value.get("signs_from", 0.0) <= now]
        value = max(due or records, key=lambda record: (record.value["created"], record.path)).value
        text = value["private_key"]
        if self._opened is None or self._opened[0] != text:  # to open one takes as long as to sign with it
            self._opened = text, Ed25519PrivateKey.from_private_bytes(from_base64url(text))
        return value["kid"], self._opened[1]

    def verifying(self) -> dict[str, str]:
        """kid -> raw public key (base64url), as gateways and agents are told."""
        records = self._snapshot.list("site", "key", "grant")
        return {record.value["kid"]: record.value["public_key"] for record in records}
