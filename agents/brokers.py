"""Which broker an agent dials next. Pure.

The site's present brokers come first, in an order drawn by lot, so that the hosts of a site spread; then those that
were known earlier: the list may be from a moment at which few lived. A broker that failed is tried again when all
others have failed as well, the one that failed longest ago first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

MAXIMUM_KNOWN = 16


class BrokerChoice:
    def __init__(self, uniform: Callable[[], float]) -> None:
        """`uniform` draws from [0, 1)."""
        self._uniform = uniform
        self._lots: dict[str, float] = {}
        self._failures: dict[
            str, int
        ] = {}  # address -> the when-th failure of all it was, since the last success
        self._present: frozenset[str] = frozenset()

    def told(self, present: Sequence[str]) -> None:
        """A broker said which ones serve."""
        self._present = frozenset(present)

    def next(self, known: Sequence[str]) -> str | None:
        return min(known, key=self._rank, default=None)

    def failed(self, address: str) -> None:
        self._failures[address] = max(self._failures.values(), default=0) + 1

    def succeeded(self, address: str) -> None:
        """It serves: whatever failed before may do so, too. The next to fail is this one."""
        self._failures.clear()

    def _rank(self, address: str) -> tuple[int, bool, float]:
        lot = self._lots.setdefault(address, self._uniform())
        return self._failures.get(address, 0), address not in self._present, lot


def merged(present: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """What is kept: the present ones first, then those of before, so many as fit."""
    return tuple(dict.fromkeys((*present, *known)))[:MAXIMUM_KNOWN]
