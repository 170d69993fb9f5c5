"""Placement: which of the hosts that could take a session takes it, and on which of its free slots. Pure.

A host's score is the sum of four shares, and the lowest wins (docs/placement.md): slots that are taken, processors in
use, sessions on their way against how many it starts at once, and memory that lacks for comfort. A host where the user
has a session already is preferred while it is only a little worse. Hosts that are as good as the best are drawn by lot,
and so is the slot: brokers that decide at the same moment then rarely claim the same key, or all run to one host.
A policy may ask to pack instead: then the fullest host wins that is not strained, so that others stay empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace

from broker.hosts.loads import HostLoad
from portcullis.model.host import Host

Choose = Callable[[int], int]
"""A random number from 0 up to, not including, its argument: `secrets.randbelow`."""

TOLERANCE = 0.05
"""Scores that differ by less are as good as each other: load samples are seconds old."""
AFFINITY = 0.25
"""So much worse may a host be that the user is on already: applications of one user share files and clipboard there."""
UNHEARD_CPU = 100.0
"""Of a host that no broker hears of: it counts as live until its lease ends, and may be gone. For want of others."""
COMFORTABLE_MEMORY_BYTES = 2 * 1024**3
"""A host with less available counts as the fuller, the less it is."""
MINIMUM_MEMORY_BYTES = 256 * 1024**2
"""A host with less available takes no session: display, worker and a small application need as much."""
STRAINED_CPU = 0.8
"""Nothing is packed onto a host that is this busy."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host as the plan sees it. What follows from that is worked out once, when it is made."""

    host: Host
    live: bool
    taken: frozenset[int] = frozenset()
    load: HostLoad | None = None
    """None where no broker has a sample."""
    on_their_way: int = 0
    """Sessions that were placed there and have no window yet."""
    features: frozenset[str] = frozenset()
    """What it can do that not every host can."""
    beside: int = 0
    """So many slots above the host's own are there for this session, and these alone; 0: the host's own are."""
    free: int = field(init=False, default=0)
    score: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        free = self.host.slots - len(self.taken)
        if self.beside or (
            self.taken and max(self.taken) >= self.host.slots
        ):  # it had more, or others use those
            free = len(self.free_slots)
        object.__setattr__(self, "free", free)
        object.__setattr__(self, "score", _score(self, free))

    @property
    def free_slots(self) -> list[int]:
        own = self.host.slots
        slots = range(own, own + self.beside) if self.beside else range(own)
        return [slot for slot in slots if slot not in self.taken]

    def with_claims(self, slots: Iterable[int]) -> Candidate:
        """As it will be when these slots, which somebody is claiming just now, are taken."""
        new = frozenset(slots) - self.taken
        return replace(self, taken=self.taken | new, on_their_way=self.on_their_way + len(new))

    @property
    def is_strained(self) -> bool:
        """Whether one session more would be felt, or nobody knows."""
        if self.load is None or self.load.cpu >= STRAINED_CPU or _lack(self.load) > 0:
            return True
        return self.on_their_way >= self.host.starting_limit

    def lacks_memory(self, needed_bytes: int) -> bool:
        """An agent that cannot tell how much there is says 0."""
        return self.load is not None and 0 < self.load.memory_available_bytes < needed_bytes


@dataclass(frozen=True, slots=True)
class Placement:
    candidate: Candidate
    slot: int
    is_home: bool
    """It was preferred because the user has a session there."""
    is_packed: bool = False
    """It was preferred because it is the fullest."""


def place(
    candidates: Sequence[Candidate], homes: Set[str], choose: Choose, *, packs: bool = False
) -> Placement:
    """Every candidate has a free slot, and there is at least one. `homes`: ids of hosts that the user is on."""
    easy = [candidate for candidate in candidates if not candidate.is_strained] if packs else []
    return _packed(easy, homes, choose) if easy else _spread(candidates, homes, choose)


def _packed(candidates: Sequence[Candidate], homes: Set[str], choose: Choose) -> Placement:
    within = [candidate for candidate in candidates if candidate.host.id in homes]
    among = within or candidates
    fewest = min(candidate.free for candidate in among)
    best = [candidate for candidate in among if candidate.free == fewest]
    chosen = best[choose(len(best))]
    free = chosen.free_slots
    return Placement(chosen, free[choose(len(free))], bool(within), is_packed=not within)


def _spread(candidates: Sequence[Candidate], homes: Set[str], choose: Choose) -> Placement:
    lowest = min(candidate.score for candidate in candidates)
    within = [
        candidate
        for candidate in (candidates if homes else ())
        if candidate.host.id in homes and candidate.score <= lowest + AFFINITY
    ]
    if within:
        lowest = min(candidate.score for candidate in within)
    best = [candidate for candidate in within or candidates if candidate.score <= lowest + TOLERANCE]
    chosen = best[choose(len(best))]
    free = chosen.free_slots
    return Placement(chosen, free[choose(len(free))], bool(within))


def _score(candidate: Candidate, free: int) -> float:
    host, load = candidate.host, candidate.load
    slots = candidate.beside or host.slots
    taken = (slots - free) / slots
    cpu = UNHEARD_CPU if load is None else load.cpu
    rush = candidate.on_their_way / host.starting_limit
    return taken + cpu + rush + _lack(load)


def _lack(load: HostLoad | None) -> float:
    if load is None or load.memory_available_bytes == 0:
        return 0.0
    return max(0.0, 1.0 - load.memory_available_bytes / COMFORTABLE_MEMORY_BYTES)
