"""Who is asked, and what no answer may contradict, with endpoints that are a few lines."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from broker.grid.etcd import members as module
from broker.grid.etcd.members import Members
from broker.grid.etcd.troubles import GridReplaced, GridUnreachable, Missed
from tests.support.clock import ManualClock


class FakeEndpoint:
    """Answers with a header, or not."""

    def __init__(self, name: str, clock: ManualClock) -> None:
        self.name, self._clock = name, clock
        self.cluster_id, self.revision, self.raft_term = 7, 10, 3
        self.is_dead = False
        self.asked = 0

    def __str__(self) -> str:
        return self.name

    async def ask(self, seconds: float) -> Any:
        self.asked += 1
        if self.is_dead:
            self._clock.advance(seconds)
            raise Missed("it is dead")
        header = SimpleNamespace(cluster_id=self.cluster_id, revision=self.revision, raft_term=self.raft_term)
        return SimpleNamespace(header=header, by=self.name)

    async def call(self, method: str, request: Any, seconds: float) -> Any:
        """The probe of whoever seems to hang."""
        if self.is_dead:
            raise Missed("it is dead")

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def three(clock: ManualClock) -> list[FakeEndpoint]:
    return [FakeEndpoint(name, clock) for name in "abc"]


@pytest.fixture
def members(three: list[FakeEndpoint], clock: ManualClock) -> Members:
    return Members(three, clock)  # type: ignore[arg-type]


async def ask(members: Members) -> str:
    answer = await members.call(lambda endpoint, seconds: endpoint.ask(seconds))  # type: ignore[attr-defined]
    return str(answer.by)


async def test_the_last_good_one_is_asked_again(members: Members, three: list[FakeEndpoint]) -> None:
    first = await ask(members)
    assert {await ask(members) for _ in range(5)} == {first}


async def test_a_dead_one_costs_one_attempt_and_then_none(
    members: Members, three: list[FakeEndpoint]
) -> None:
    first = next(each for each in three if each.name == str(members.endpoints[0]))
    first.is_dead = True
    by = await ask(members)
    assert by != first.name
    assert [await ask(members) for _ in range(3)] == [by] * 3
    assert first.asked == 1
    await members.close()


async def test_what_takes_long_at_a_member_is_given_the_time_from_the_first_attempt(
    members: Members, three: list[FakeEndpoint]
) -> None:
    given = []

    async def attempt(endpoint: FakeEndpoint, seconds: float) -> Any:
        given.append(seconds)
        return await endpoint.ask(seconds)

    next(each for each in three if each.name == str(members.endpoints[0])).is_dead = True
    await members.call(attempt, 30.0, 5.0)  # type: ignore[arg-type]
    assert given == [5.0, 5.0]
    await members.close()


async def test_when_none_answers_the_time_ends_and_each_is_named(
    members: Members, three: list[FakeEndpoint], clock: ManualClock
) -> None:
    for each in three:
        each.is_dead = True
    begun = clock.monotonic()
    with pytest.raises(GridUnreachable, match=r"a: it is dead.*") as caught:
        await ask(members)
    assert clock.monotonic() - begun == pytest.approx(module.CALL_SECONDS)
    assert all(f"{name}: it is dead" in str(caught.value) for name in "abc")
    await members.close()


async def test_a_member_that_is_behind_is_passed_over(members: Members, three: list[FakeEndpoint]) -> None:
    first = await ask(members)
    next(each for each in three if each.name == first).revision = 9
    assert await ask(members) != first
    assert not members.failed.is_set()
    await members.close()


async def test_a_lower_term_is_doubted_once(members: Members, three: list[FakeEndpoint]) -> None:
    first = await ask(members)
    for each in three:
        each.raft_term = 2
    second = await ask(members)
    assert second != first
    assert not members.failed.is_set()
    await members.close()


async def test_a_second_cluster_ends_it_for_good(members: Members, three: list[FakeEndpoint]) -> None:
    await ask(members)
    for each in three:
        each.cluster_id = 8
    with pytest.raises(GridReplaced, match="another etcd cluster"):
        await ask(members)
    assert members.failed.is_set()
    for each in three:
        each.cluster_id = 7
    with pytest.raises(GridReplaced):
        await ask(members)


async def test_a_grid_that_went_back_ends_it_for_good(
    members: Members, three: list[FakeEndpoint], clock: ManualClock
) -> None:
    await ask(members)
    for each in three:
        each.revision = 5
    with pytest.raises(GridUnreachable, match="at revision 5, after 10"):
        await members.call(lambda endpoint, _: waiting(endpoint, clock, 0.5), 3.0)
    with pytest.raises(GridReplaced, match="restored from an older state"):
        await members.call(lambda endpoint, _: waiting(endpoint, clock, 0.5), 6.0)
    await members.close()


async def waiting(endpoint: Any, clock: ManualClock, seconds: float) -> Any:
    clock.advance(seconds)
    return await endpoint.ask(seconds)
