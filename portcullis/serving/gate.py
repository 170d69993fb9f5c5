"""How many connections may hold a place, overall and for each client address; and who makes room when all are taken.

A connection that only waits (for a head, for the next request, for an admission) says so (`Place.waits`). When
there is no place left for a newcomer, the one that has waited longest gives way: whoever has something to ask is
through in a moment, so silent connections, however many one address opens, keep nobody out. No I/O.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable


class Place:
    """Held until `leave`, which may be called again without effect."""

    def __init__(self, gate: Gate, client: str) -> None:
        self.client = client
        self.give_way: Callable[[], None] | None = None
        self._gate = gate
        self._is_held = True

    def waits(self, give_way: Callable[[], None]) -> None:
        """From now on the holder may be asked to go: the place is taken from it before `give_way` is called."""
        if self._is_held:
            self.give_way = give_way
            self._gate.waits(self)

    def keeps(self) -> None:
        """The holder has something to do: it is not asked to go."""
        self.give_way = None
        self._gate.keeps(self)

    def leave(self) -> None:
        if self._is_held:
            self._is_held = False
            self._gate.left(self)


class Gate:
    def __init__(self, maximum: int, maximum_per_client: int) -> None:
        self._maximum = maximum
        self._maximum_per_client = maximum_per_client
        self._held: Counter[str] = Counter()
        self._waiting: dict[Place, None] = {}
        self._waiting_of: dict[str, dict[Place, None]] = {}
        self.total = 0
        self.refused: Counter[str] = Counter()
        """Why there was no place -> how often."""

    def enter(self, client: str) -> Place | None:
        """A place, if there was one or somebody made room."""
        if self._held[client] >= self._maximum_per_client and not _make_room(self._waiting_of.get(client)):
            self._forget(client)
            self.refused["client_full"] += 1
            return None
        if self.total >= self._maximum and not _make_room(self._waiting):
            self._forget(client)
            self.refused["full"] += 1
            return None
        self.total += 1
        self._held[client] += 1
        return Place(self, client)

    def waits(self, place: Place) -> None:
        self.keeps(place)  # it waits anew: behind the others
        self._waiting[place] = None
        self._waiting_of.setdefault(place.client, {})[place] = None

    def keeps(self, place: Place) -> None:
        if place not in self._waiting:
            return
        del self._waiting[place]
        of_client = self._waiting_of[place.client]
        del of_client[place]
        if not of_client:
            del self._waiting_of[place.client]

    def left(self, place: Place) -> None:
        self.keeps(place)
        self.total -= 1
        self._held[place.client] -= 1
        self._forget(place.client)

    def _forget(self, client: str) -> None:
        if not self._held[client]:
            del self._held[client]


def _make_room(waiting: dict[Place, None] | None) -> bool:
    longest = next(iter(waiting), None) if waiting else None
    if longest is None or longest.give_way is None:
        return False
    give_way = longest.give_way
    longest.leave()
    give_way()
    return True


def client_of(transport: asyncio.BaseTransport) -> str | None:
    """What counts as one client: an IPv4 address, or the /64 network that IPv6 gives to one site."""
    peer = transport.get_extra_info("peername")
    if not peer:
        return None
    address = ipaddress.ip_address(peer[0].partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
