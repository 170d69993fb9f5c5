"""Which broker to ask first: how each of them does, as channels and requests have shown. No I/O.

A broker is *up* while its channel stands, *down* once a channel or a request failed, until one succeeds again; of
one that is neither (it is older than the channel, or was not reached yet) nothing is known. A broker that failed goes
to the end of the order; one that drains is asked when nobody else answers.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from portcullis.clock import Clock

log = logging.getLogger(__name__)


class BrokerHealth:
    def __init__(self, addresses: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._order = list(dict.fromkeys(addresses))
        self._up: set[str] = set()
        self._down: set[str] = set()
        self._draining: set[str] = set()
        self._heard_at = -math.inf
        self._watchers: dict[str, dict[object, Callable[[], None]]] = {}

    @property
    def order(self) -> tuple[str, ...]:
        """Addresses, the one to ask first in front."""
        return tuple(sorted(self._order, key=self._rank))

    @property
    def up(self) -> frozenset[str]:
        return frozenset(self._up)

    def silent_seconds(self) -> float:
        """Since any broker was last heard."""
        return self._clock.monotonic() - self._heard_at

    def know(self, addresses: Iterable[str]) -> None:
        """These are the brokers now, besides those whose channel stands."""
        known = dict.fromkeys(addresses)
        kept = [address for address in self._order if address in known or address in self._up]
        self._order = kept + [address for address in known if address not in kept]
        self._down &= set(self._order)
        self._draining &= set(self._order)

    def heard(self) -> None:
        self._heard_at = self._clock.monotonic()

    def connected(self, address: str, *, draining: bool) -> None:
        """Its channel stands, and says whether the broker drains."""
        self._up.add(address)
        (self._draining.add if draining else self._draining.discard)(address)
        self._works(address)

    def lost(self, address: str, why: object) -> None:
        """Its channel broke, or has been silent for too long. Whoever waits for its answer is told."""
        if address in self._up:
            self._up.discard(address)
            self._fails(address, why)
            for tell in list(self._watchers.get(address, {}).values()):
                tell()

    def answered(self, address: str) -> None:
        """A request was answered."""
        self.heard()
        self._works(address)

    def failed(self, address: str, why: object) -> None:
        """A request was not. A broker whose channel stands is last in the order, but not down."""
        self._to_the_end(address)
        if address not in self._up:
            self._fails(address, why)

    def has_alternative(self, address: str) -> bool:
        """Whether another broker is up."""
        return bool(self._up - {address})

    @contextmanager
    def watched(self, address: str, on_lost: Callable[[], None]) -> Iterator[None]:
        """Meanwhile `on_lost` is called when the broker is lost and another is up."""
        handle = object()
        watchers = self._watchers.setdefault(address, {})
        watchers[handle] = lambda: on_lost() if self.has_alternative(address) else None
        try:
            yield
        finally:
            del watchers[handle]
            if not watchers and self._watchers.get(address) is watchers:
                del self._watchers[address]

    def _rank(self, address: str) -> int:
        return 2 if address in self._down else 1 if address in self._draining else 0

    def _works(self, address: str) -> None:
        if address in self._down:
            self._down.remove(address)
            log.info("broker %s answers again", address)

    def _fails(self, address: str, why: object) -> None:
        """Logged when it begins: every request of anybody meets it until it ends."""
        self._to_the_end(address)
        if address not in self._down and address in self._order:
            self._down.add(address)
            log.warning("broker %s failed: %s", address, why or type(why).__name__)

    def _to_the_end(self, address: str) -> None:
        if address in self._order:
            self._order.remove(address)
            self._order.append(address)
