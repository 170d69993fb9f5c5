"""How loaded the hosts say they are: samples of those connected here, and of those connected to other brokers.

Samples live in memory alone, never in the grid. Each has an age by the clock of the broker that heard it, so that
brokers' clocks need not agree; of two samples of a host the younger counts, and one that nobody renewed is forgotten:
its host is silent, or the broker that heard it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portcullis.clock import Clock

FRESH_SECONDS = 15.0
"""A host sends one each 5 s, a peer passes it on within 2 s; a host that is silent for so long counts as gone."""


@dataclass(frozen=True, slots=True)
class HostLoad:
    cpu: float
    """One-minute load divided by the number of cores."""
    memory_available_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    load: HostLoad
    age: float
    """Seconds since its host said so."""


class HostLoads:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._own: dict[str, _Heard] = {}
        self._peers: dict[str, _Heard] = {}

    def get(self, host_id: str) -> HostLoad | None:
        """The newest sample of the host; None where no broker heard one lately."""
        found = [heard for heard in (self._own.get(host_id), self._peers.get(host_id)) if heard is not None]
        newest = max(found, key=lambda heard: heard.at, default=None)
        return newest.load if newest is not None and self._is_fresh(newest) else None

    def hear(self, host_id: str, load: HostLoad) -> None:
        """The host, whose channel is here, says so now."""
        self._own[host_id] = _Heard(load, self._clock.monotonic())

    def forget(self, host_id: str) -> None:
        """Its channel is not here any more."""
        self._own.pop(host_id, None)

    def own(self) -> dict[str, Sample]:
        """Of the hosts connected here, for the other brokers."""
        now = self._clock.monotonic()
        return {host_id: Sample(heard.load, now - heard.at) for host_id, heard in self._own.items()}

    def take(self, samples: Mapping[str, Sample]) -> None:
        """What another broker heard."""
        now = self._clock.monotonic()
        for host_id, sample in samples.items():
            heard, known = _Heard(sample.load, now - sample.age), self._peers.get(host_id)
            if known is None or known.at <= heard.at:
                self._peers[host_id] = heard
        for host_id in [one for one, heard in self._peers.items() if not self._is_fresh(heard)]:
            del self._peers[host_id]

    def _is_fresh(self, heard: _Heard) -> bool:
        return self._clock.monotonic() - heard.at < FRESH_SECONDS


@dataclass(frozen=True, slots=True)
class _Heard:
    load: HostLoad
    at: float
