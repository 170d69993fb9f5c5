"""Whether this broker's clock is wrong, by what the brokers tell each other; no I/O.

A broker that asks another one learns that the other's clock stood at `time` at some moment between question and answer,
both by its own monotonic clock. So it knows at any moment how far its wall clock is from the others', also when that is
set between two questions. It judges by majority (`clocks`) of all brokers, those that are heard and the one that asks.
Two brokers that differ are both suspect, and go on.

The guard is the clock of the whole broker. While the broker's own clock is wrong it tells the time of the others: what
is still decided meanwhile (which login has expired, what a host hears) is decided by the site's time.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from broker.peers.clocks import TOLERATED_SECONDS, Offset, Verdict, consensus, told, verdicts
from portcullis.clock import Clock, HeldClock
from portcullis.errors import Unavailable

log = logging.getLogger(__name__)

FRESH_SECONDS = 6.0
"""How long a broker that is not heard again has a voice; it may be back under another id and the same address."""
KEPT_SECONDS = 60.0
"""How long what the others agreed on holds when they cannot be asked any more."""
FIRST_SECONDS = 3.0
"""The first round of questions takes no longer."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A wall clock less this broker's monotonic clock, and when it was learned."""

    base: Offset
    at: float


class ClockGuard:
    """A Clock, and whether the one that it stands on is wrong."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, _Known] = {}
        self._agreed: _Known | None = None
        self._has_looked = asyncio.Event()
        self._was_wrong = False
        self.held = HeldClock(self)
        """What browsers are told: it does not go back, but for the word of a majority."""

    def now(self) -> float:
        own, ahead = self._clock.now(), self._ahead()
        return own - ahead.middle if ahead is not None and ahead.is_large else own

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def own(self) -> float:
        """The time of the broker's own clock, for those who judge it."""
        return self._clock.now()

    @property
    def is_wrong(self) -> bool:
        ahead = self._ahead()
        return ahead is not None and ahead.is_large

    def trouble(self) -> str | None:
        ahead = self._ahead()
        if ahead is None or not ahead.is_large:
            return None
        return f"the clock is {told(ahead.middle)} the other brokers'"

    async def check(self) -> None:
        """Before anything that a wrong clock would decide wrongly. Raises Unavailable("clock_wrong")."""
        await self._until_looked()
        if self.is_wrong:
            raise Unavailable("clock_wrong")

    def heard(self, address: str, time: float, asked_at: float) -> None:
        """A broker says that it is `time` by its clock; it was asked at this monotonic time, and has just answered."""
        at = self._clock.monotonic()
        self._heard[address] = _Known(Offset(time - at, time - asked_at), at)
        self._agree()

    def looked(self) -> None:
        """Every other broker was asked."""
        self._agree()
        self._has_looked.set()
        is_wrong = self.is_wrong
        if is_wrong and not self._was_wrong:
            log.error("%s: sign-ins, launches and changes are refused [clock_wrong]", self.trouble())
        elif self._was_wrong and not is_wrong:
            log.warning("the clock is right again")
        self._was_wrong = is_wrong
        if self._agreed is not None and self.held.now() - self.now() > TOLERATED_SECONDS:
            self.held.set_back()

    def verdicts(self, me: str) -> dict[str, tuple[Verdict, float]]:
        """By address: of this broker, and of those that said lately what time it is."""
        now = self._clock.monotonic()
        own = self._clock.now() - now
        heard = {address: known.base for address, known in self._fresh(now).items()}
        found = verdicts({**heard, me: Offset(own, own)})
        if (ahead := self._ahead()) is not None:
            found[me] = ("wrong" if ahead.is_large else "right", ahead.middle)
        return found

    async def _until_looked(self) -> None:
        """A broker that has just begun has asked nobody yet what time it is."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await self._has_looked.wait()
        except TimeoutError:
            log.warning("the clock is not compared yet: the other brokers were not asked in time")
            self._has_looked.set()

    def _fresh(self, now: float) -> dict[str, _Known]:
        return {address: known for address, known in self._heard.items() if now - known.at < FRESH_SECONDS}

    def _agree(self) -> None:
        now = self._clock.monotonic()
        self._heard = self._fresh(now)
        others = [known.base for known in self._heard.values()]
        agreed = consensus(others, len(others) + 1)
        if agreed is not None:
            self._agreed = _Known(agreed, now)
        elif len(others) > 1 or (self._agreed and now - self._agreed.at >= KEPT_SECONDS):
            self._agreed = None

    def _ahead(self) -> Offset | None:
        """Of what the others agree on; None when they do not, or did too long ago."""
        now, agreed = self._clock.monotonic(), self._agreed
        if agreed is None or now - agreed.at >= KEPT_SECONDS:
            return None
        own = self._clock.now() - now
        return Offset(own, own).seen_from(agreed.base)
