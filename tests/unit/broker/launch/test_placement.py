"""Placement: the host with the lowest score, a host of the user's if it is not much worse, any free slot, by lot."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.hosts.loads import HostLoad
from broker.launch.placement import (
    AFFINITY,
    COMFORTABLE_MEMORY_BYTES,
    TOLERANCE,
    Candidate,
    Placement,
    place,
)
from portcullis.model.host import Host

PLENTY = 64 * 1024**3


def candidate(
    name: str,
    slots: int = 4,
    taken: tuple[int, ...] = (),
    cpu: float | None = 0.0,
    memory: int = PLENTY,
    on_their_way: int = 0,
    starting_limit: int = 4,
) -> Candidate:
    host = Host(f"{name:0>16}", name, slots, frozenset(), starting_limit=starting_limit)
    load = None if cpu is None else HostLoad(cpu, memory)
    return Candidate(host, True, frozenset(taken), load, on_their_way)


def placed(*candidates: Candidate, homes: frozenset[str] = frozenset(), chance: int = 0) -> Placement:
    return place(candidates, homes, lambda count: chance % count)


def chosen(*candidates: Candidate, **how: object) -> str:
    return placed(*candidates, **how).candidate.host.name  # type: ignore[arg-type]


def test_the_share_of_taken_slots_counts_not_their_number() -> None:
    assert chosen(candidate("small", 2, (0,)), candidate("large", 10, (0, 1, 2))) == "large"


def test_load_outweighs_free_slots() -> None:
    assert chosen(candidate("hot", cpu=2.0), candidate("cool", taken=(0, 1), cpu=0.1)) == "cool"


def test_a_host_that_nobody_hears_of_comes_last_even_as_home() -> None:
    unheard, busy = candidate("unheard", cpu=None), candidate("busy", cpu=9.0)
    assert chosen(unheard, busy) == "busy"
    assert place([unheard, busy], frozenset({unheard.host.id}), lambda _: 0).candidate is busy
    assert chosen(unheard) == "unheard"


def test_sessions_on_their_way_count_against_what_the_host_starts_at_once() -> None:
    strong = candidate("strong", on_their_way=4, starting_limit=16)
    assert chosen(strong, candidate("weak", on_their_way=2, starting_limit=2)) == "strong"


def test_memory_that_lacks_for_comfort_counts_and_plenty_does_not() -> None:
    short = candidate("short", memory=COMFORTABLE_MEMORY_BYTES // 4)
    assert chosen(short, candidate("ample", cpu=0.5)) == "ample"
    assert candidate("a", memory=COMFORTABLE_MEMORY_BYTES).score == candidate("b", memory=PLENTY).score


def test_hosts_as_good_as_the_best_are_drawn_by_lot() -> None:
    hosts = [
        candidate("a"),
        candidate("b", cpu=TOLERANCE / 2),
        candidate("c"),
        candidate("d", cpu=TOLERANCE * 2),
    ]
    assert {chosen(*hosts, chance=n) for n in range(6)} == {"a", "b", "c"}


def test_any_free_slot_may_be_drawn_and_no_taken_one() -> None:
    host = candidate("a", 6, taken=(0, 2, 5))
    assert {placed(host, chance=n).slot for n in range(12)} == {1, 3, 4}


def test_slots_beyond_a_lowered_capacity_are_not_free() -> None:
    lowered = candidate("a", 2, taken=(1, 3))
    assert (lowered.free_slots, lowered.free) == ([0], 1)


def test_a_host_of_the_user_is_preferred_while_it_is_little_worse() -> None:
    home = frozenset({"home".rjust(16, "0")})
    near, far = candidate("home", cpu=AFFINITY - 0.01), candidate("home", cpu=AFFINITY + 0.01)
    assert placed(candidate("idle"), near, homes=home).is_home
    assert chosen(candidate("idle"), near, homes=home) == "home"
    assert chosen(candidate("idle"), far, homes=home) == "idle"


def test_slots_that_are_being_claimed_count_as_taken_and_on_their_way() -> None:
    host = candidate("a", 4, taken=(0,)).with_claims({0, 1})
    assert (host.taken, host.free, host.on_their_way) == (frozenset({0, 1}), 2, 1)


loads = st.none() | st.builds(HostLoad, st.floats(0, 8), st.integers(0, 2**34))
hosts = st.builds(
    lambda n, slots, taken, load, rush, limit: Candidate(
        Host(f"{n:016x}", f"h{n}", slots, frozenset(), starting_limit=limit),
        True,
        frozenset(slot for slot in taken if slot < slots - 1),
        load,
        rush,
    ),
    st.integers(0, 99),
    st.integers(1, 16),
    st.frozensets(st.integers(0, 15)),
    loads,
    st.integers(0, 32),
    st.integers(1, 16),
)
sites = st.lists(hosts, min_size=1, max_size=12, unique_by=lambda c: c.host.id)


@settings(max_examples=100)
@given(sites, st.integers(0, 2**32))
def test_the_winner_is_within_the_tolerance_of_the_best_and_its_slot_is_free(
    site: list[Candidate], chance: int
) -> None:
    answer = placed(*site, chance=chance)
    assert answer.candidate.score <= min(each.score for each in site) + TOLERANCE
    assert answer.slot in answer.candidate.free_slots


@settings(max_examples=100)
@given(sites, st.integers(0, 2**32), st.frozensets(st.integers(0, 99), max_size=4))
def test_affinity_costs_no_more_than_it_may(
    site: list[Candidate], chance: int, homes: frozenset[int]
) -> None:
    at_home = frozenset(f"{n:016x}" for n in homes)
    answer = placed(*site, homes=at_home, chance=chance)
    assert answer.candidate.score <= min(each.score for each in site) + AFFINITY + TOLERANCE
    assert answer.is_home == (answer.candidate.host.id in at_home) or not answer.is_home


@settings(max_examples=100)
@given(sites, hosts, st.integers(0, 2**32))
def test_a_worse_host_that_joins_changes_nothing(site: list[Candidate], more: Candidate, chance: int) -> None:
    joining = replace(more, host=replace(more.host, id="f" * 16))
    if joining.score > min(each.score for each in site) + TOLERANCE:
        assert placed(*site, joining, chance=chance) == placed(*site, chance=chance)


@settings(max_examples=100)
@given(hosts, st.floats(0, 4), st.integers(0, 2**33), st.integers(0, 16))
def test_a_host_never_gets_better_by_more_load_less_memory_or_more_starts(
    host: Candidate, cpu: float, memory: int, starts: int
) -> None:
    load = host.load or HostLoad(0.5, 2**32)
    host = replace(host, load=HostLoad(load.cpu, max(1, load.memory_available_bytes)))
    assert host.load is not None
    worse = HostLoad(host.load.cpu + cpu, max(1, host.load.memory_available_bytes - memory))
    assert replace(host, load=worse).score >= host.score
    assert replace(host, on_their_way=host.on_their_way + starts).score >= host.score
    assert replace(host, taken=host.taken | {host.host.slots - 1}).score >= host.score


@given(sites, st.integers(0, 2**32))
def test_the_same_chance_gives_the_same_place(site: list[Candidate], chance: int) -> None:
    assert placed(*site, chance=chance) == placed(*site, chance=chance)


# --- Packing


def packed(*candidates: Candidate, homes: frozenset[str] = frozenset(), chance: int = 0) -> Placement:
    return place(candidates, homes, lambda count: chance % count, packs=True)


def test_packing_fills_the_host_with_the_fewest_free_slots() -> None:
    found = packed(candidate("empty"), candidate("half", taken=(0, 1)), candidate("fuller", taken=(0, 1, 2)))
    assert (found.candidate.host.name, found.slot, found.is_packed) == ("fuller", 3, True)


def test_packing_passes_over_a_strained_host() -> None:
    strained = [
        candidate("hot", taken=(0, 1, 2), cpu=0.8),
        candidate("short", taken=(0, 1, 2), memory=COMFORTABLE_MEMORY_BYTES // 2),
        candidate("rushed", taken=(0, 1, 2), on_their_way=4),
        candidate("unheard", taken=(0, 1, 2), cpu=None),
    ]
    for host in strained:
        assert packed(host, candidate("calm")).candidate.host.name == "calm"


def test_where_all_hosts_are_strained_packing_spreads() -> None:
    hot, hotter = candidate("hot", cpu=0.9), candidate("hotter", taken=(0, 1, 2), cpu=2.0)
    found = packed(hot, hotter)
    assert (found.candidate.host.name, found.is_packed) == ("hot", False)


def test_packing_prefers_a_host_where_the_user_is_already() -> None:
    home, fuller = candidate("home"), candidate("fuller", taken=(0, 1, 2))
    found = packed(home, fuller, homes=frozenset({home.host.id}))
    assert (found.candidate.host.name, found.is_home, found.is_packed) == ("home", True, False)
