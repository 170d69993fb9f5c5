"""Placement: the least loaded host, any of its free slots, equal ones by lot."""

from __future__ import annotations

from broker.launch.placement import Candidate, place
from portcullis.model.host import Host


def candidate(name: str, slots: int = 4, taken: tuple[int, ...] = (), load: float | None = None) -> Candidate:
    return Candidate(Host(f"{name:0>16}", name, slots, frozenset()), True, frozenset(taken), load)


def chosen(*candidates: Candidate, chance: int = 0) -> tuple[str, int]:
    candidate_, slot = place(candidates, lambda count: chance % count)
    return candidate_.host.name, slot


def test_the_share_of_taken_slots_counts_not_their_number() -> None:
    assert chosen(candidate("small", 2, (0,)), candidate("large", 10, (0, 1, 2)))[0] == "large"


def test_load_outweighs_free_slots() -> None:
    assert chosen(candidate("hot", load=2.0), candidate("cool", taken=(0, 1), load=0.1))[0] == "cool"


def test_a_host_without_a_sample_counts_as_loaded_as_the_others_are() -> None:
    quiet, unknown, hot = candidate("q", load=0.0), candidate("u"), candidate("h", load=1.0)
    assert chosen(hot, unknown)[0] in ("h", "u")
    assert chosen(quiet, unknown, hot)[0] == "q"
    assert chosen(unknown, hot, candidate("x", load=0.8))[0] == "x"


def test_equal_hosts_are_drawn_by_lot() -> None:
    hosts = [candidate("a"), candidate("b"), candidate("c")]
    assert {chosen(*hosts, chance=n)[0] for n in range(3)} == {"a", "b", "c"}


def test_any_free_slot_may_be_drawn_and_no_taken_one() -> None:
    host = candidate("a", 6, taken=(0, 2, 5))
    assert {chosen(host, chance=n)[1] for n in range(12)} == {1, 3, 4}


def test_slots_beyond_a_lowered_capacity_are_not_free() -> None:
    assert candidate("a", 2, taken=(1, 3)).free_slots == [0]
