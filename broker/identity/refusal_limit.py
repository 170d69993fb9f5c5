"""How many refused requests an address may make: a bucket for each, that fills again with time. Pure.

For routes where a stranger presents a secret that cannot be guessed: what is limited is the work. Requests
that were none of a stranger are given back. The books are bounded; the bucket that rested longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict

BURST = 20
SECONDS_EACH = 3.0
MAXIMUM_ADDRESSES = 4096


class RefusalLimit:
    def __init__(self, burst: int = BURST, seconds_each: float = SECONDS_EACH) -> None:
        self._seconds_each = seconds_each
        self._full_seconds = burst * seconds_each
        self._debts: OrderedDict[str, float] = OrderedDict()  # address -> when its bucket is full again

    def claim(self, address: str, now: float) -> float:
        """Count one request as refused. Answers 0, or the seconds to wait before one may be made."""
        due = max(self._debts.pop(address, 0.0), now) + self._seconds_each
        excess = due - now - self._full_seconds
        self._debts[address] = due - self._seconds_each if excess > 0 else due
        while len(self._debts) > MAXIMUM_ADDRESSES:
            self._debts.popitem(last=False)
        return max(0.0, excess)

    def give_back(self, address: str) -> None:
        """The request that was claimed last was not refused."""
        if address in self._debts:
            self._debts[address] -= self._seconds_each
