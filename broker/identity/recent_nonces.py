"""Nonces of signed requests that are served without the grid, in this broker's memory.

They tell another request under a used nonce apart, here. That is enough for what it is used for: renewing a grant and
taking rights back change nothing when they are done again, at another broker either. Never for single-use state.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from portcullis.clock import Clock

REMEMBERED_SECONDS = 120.0
MAXIMUM = 100_000


class RecentNonces:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def use(self, client_key: bytes, nonce: str, request: bytes) -> bool:
        """Whether the nonce is new, or was used for the very same request."""
        now = self._clock.monotonic()
        while self._seen and (
            len(self._seen) >= MAXIMUM or next(iter(self._seen.values()))[0] < now - REMEMBERED_SECONDS
        ):
            self._seen.popitem(last=False)
        name = hashlib.sha256(client_key + nonce.encode()).digest()
        digest = hashlib.sha256(request).digest()
        _, seen = self._seen.setdefault(name, (now, digest))
        return seen == digest
