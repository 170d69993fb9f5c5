"""Which transactions travel together, and what those are told that wait, with a member of a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from broker.grid.etcd import messages as m
from broker.grid.etcd.grouping import MOST, MOST_BYTES, Line, may_travel
from broker.grid.etcd.troubles import Missed
from broker.grid.grid import (
    CreateRevision,
    Delete,
    Exists,
    Get,
    GridUnavailable,
    InvalidTransaction,
    ModRevision,
    Operation,
    Put,
)

SECONDS = 30.0


class FakeEndpoint:
    """Answers a request when the test says so. A transaction succeeds when it puts no key that has `no` in it."""

    def __init__(self) -> None:
        self.requests: list[list[list[str]]] = []
        """Of each request, of each transaction in it: the keys that it writes."""
        self.poison = ""
        self._gates: asyncio.Queue[Exception | None] = asyncio.Queue()

    def answer(self, times: int = 1, error: Exception | None = None) -> None:
        for _ in range(times):
            self._gates.put_nowait(error)

    async def call(self, method: str, request: Any, seconds: float) -> Any:
        inner = [op.txn for op in request.success if op.HasField("txn")]
        self.requests.append([_keys(each) for each in inner or [request]])
        error = await self._gates.get()
        if error is not None:
            raise error
        if any(self.poison and self.poison in keys for keys in self.requests[-1]):
            raise InvalidTransaction("poison")
        answer = m.TxnResponse(succeeded=_succeeds(request))
        answer.header.revision = len(self.requests)
        for each in inner:
            answer.responses.add().txn.succeeded = _succeeds(each)
        return answer


def _keys(request: Any) -> list[str]:
    return [(op.put.key or op.delete.key).decode() for op in request.success]  # empty: of several


def _succeeds(request: Any) -> bool:
    return not any("no" in key for key in _keys(request))


@pytest.fixture
def member() -> FakeEndpoint:
    return FakeEndpoint()


@pytest.fixture
def line(member: FakeEndpoint) -> Line:
    return Line(member)  # type: ignore[arg-type]


async def sent(
    line: Line, *transactions: tuple[Sequence[str], Sequence[str]], size: int = 1
) -> list[asyncio.Task[Any]]:
    """Tasks of transactions that compare these keys and put those, begun in their order."""
    tasks = []
    for compared, written in transactions:
        compares = [CreateRevision(key, 0) for key in compared]
        puts = [Put(key, bytes(size)) for key in written]
        tasks.append(asyncio.ensure_future(line.send(compares, puts, SECONDS)))
        await asyncio.sleep(0)
    return tasks


async def test_one_that_comes_alone_is_sent_at_once_by_itself(member: FakeEndpoint, line: Line) -> None:
    member.answer()
    (task,) = await sent(line, ([], ["/a"]))
    assert (await task).succeeded
    assert member.requests == [[["/a"]]]


async def test_those_that_come_meanwhile_go_together_and_each_has_its_own_verdict(
    member: FakeEndpoint, line: Line
) -> None:
    tasks = await sent(line, ([], ["/a"]), (["/x"], ["/b"]), (["/x"], ["/no", "/c"]), ([], ["/d"]))
    assert member.requests == [[["/a"]]]
    member.answer(2)
    answers = await asyncio.gather(*tasks)
    assert member.requests[1:] == [[["/b"], ["/no", "/c"], ["/d"]]]
    assert [answer.succeeded for answer in answers] == [True, True, False, True]
    assert [answer.header.revision for answer in answers] == [1, 2, 2, 2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((["/x"], ["/x"]), (["/x"], ["/x"])),
        (([], ["/x"]), (["/x"], ["/y"])),
        ((["/x"], ["/y"]), ([], ["/x"])),
        ((["/x"], ["/y"]), (["/y"], ["/x"])),
    ],
    ids=["both write it", "the second compares it", "the first compares it", "each the other's"],
)
async def test_those_that_touch_each_other_never_travel_together(
    member: FakeEndpoint, line: Line, one: tuple[list[str], list[str]], other: tuple[list[str], list[str]]
) -> None:
    tasks = await sent(line, ([], ["/a"]), one, other, (["/z"], ["/free"]))
    member.answer(3)
    await asyncio.gather(*tasks)
    assert member.requests[1:] == [[one[1], ["/free"]], [other[1]]]


async def test_what_all_compare_and_none_writes_parts_nobody(member: FakeEndpoint, line: Line) -> None:
    tasks = await sent(line, ([], ["/a"]), *((["/user"], [f"/{number}"]) for number in range(3)))
    member.answer(2)
    await asyncio.gather(*tasks)
    assert len(member.requests) == 2


async def test_a_request_holds_no_more_than_it_may(member: FakeEndpoint, line: Line) -> None:
    many = await sent(line, *(([], [f"/{number}"]) for number in range(MOST + 3)))
    member.answer(3)
    await asyncio.gather(*many)
    assert [len(request) for request in member.requests] == [1, MOST, 2]
    large = await sent(line, *(([], [f"/{number}"]) for number in range(4)), size=MOST_BYTES // 2 - 100)
    member.answer(3)
    await asyncio.gather(*large)
    assert [len(request) for request in member.requests[3:]] == [1, 2, 1]


async def test_who_waits_for_a_member_that_fails_goes_elsewhere_at_once(
    member: FakeEndpoint, line: Line
) -> None:
    tasks = await sent(line, ([], ["/a"]), ([], ["/b"]), ([], ["/c"]))
    member.answer(error=Missed("no answer"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Missed] * 3
    assert member.requests == [[["/a"]]]
    member.answer()
    (task,) = await sent(line, ([], ["/d"]))
    assert (await task).succeeded


async def test_what_travels_with_a_request_that_fails_is_missed_with_it(
    member: FakeEndpoint, line: Line
) -> None:
    tasks = await sent(line, ([], ["/a"]), ([], ["/b"]), ([], ["/c"]))
    member.answer()
    member.answer(error=Missed("no answer"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results[1:]] == [Missed] * 2


async def test_nobody_waits_longer_than_an_attempt_takes(member: FakeEndpoint, line: Line) -> None:
    tasks = await sent(line, ([], ["/a"]))
    with pytest.raises(Missed):
        await line.send([], [Put("/b", b"")], 0.01)
    member.answer()
    await asyncio.gather(*tasks)
    assert member.requests == [[["/a"]]]


async def test_who_gives_up_waiting_is_not_sent_and_holds_up_nobody(member: FakeEndpoint, line: Line) -> None:
    tasks = await sent(line, ([], ["/a"]), ([], ["/b"]), ([], ["/c"]))
    tasks[1].cancel()
    member.answer(2)
    assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [
        m.TxnResponse,
        asyncio.CancelledError,
        m.TxnResponse,
    ]
    assert member.requests[1:] == [[["/c"]]]


async def test_who_gives_up_on_the_way_takes_nobody_along(member: FakeEndpoint, line: Line) -> None:
    tasks = await sent(line, ([], ["/a"]), ([], ["/b"]), ([], ["/c"]))
    member.answer()
    await tasks[0]
    await asyncio.sleep(0)
    tasks[1].cancel()
    member.answer()
    assert (await tasks[2]).succeeded
    first, second = await sent(line, ([], ["/d"]), ([], ["/e"]))
    first.cancel()
    member.answer()
    assert (await second).succeeded


async def test_one_that_the_member_refuses_fails_alone(member: FakeEndpoint, line: Line) -> None:
    member.poison = "/bad"
    tasks = await sent(line, ([], ["/a"]), ([], ["/b"]), ([], ["/bad"]), ([], ["/c"]))
    member.answer(5)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, InvalidTransaction) for result in results] == [False, False, True, False]
    assert member.requests[2:] == [[["/b"]], [["/bad"]], [["/c"]]]


async def test_nobody_waits_for_what_is_closed(member: FakeEndpoint, line: Line) -> None:
    tasks = await sent(line, ([], ["/a"]), ([], ["/b"]))
    member.answer()
    await tasks[0]
    tasks += await sent(line, ([], ["/c"]))
    await line.close()
    results = await asyncio.gather(*tasks[1:], return_exceptions=True)
    assert [type(result) for result in results] == [GridUnavailable] * 2


@pytest.mark.parametrize(
    ("then", "otherwise", "answer"),
    [
        ([Put("/a", b"")], [], True),
        ([Put("/a", b""), Delete("/b")], [], True),
        ([Put("/a", b"", 7)], [], False),
        ([Put("/a", b""), Get("/b")], [], False),
        ([Put("/a", b"")], [Put("/b", b"")], False),
        ([], [], False),
        ([Put(f"/{number}", b"") for number in range(MOST + 1)], [], False),
    ],
    ids=["put", "delete", "lease", "read", "otherwise", "compares only", "many"],
)
def test_only_plain_changes_travel_together(
    then: list[Operation], otherwise: list[Operation], answer: bool
) -> None:
    assert may_travel([ModRevision("/x", 1)], then, otherwise) is answer


def test_many_compares_go_alone() -> None:
    assert not may_travel([Exists(f"/{number}") for number in range(MOST + 1)], [Delete("/a")], [])
