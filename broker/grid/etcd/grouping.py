"""Transactions of one moment travel together: one request, one proposal to the members, one answer of every watch.

While nothing is on its way to a member a transaction is sent at once, by itself. Those that come meanwhile wait for it
and are sent as one transaction whose operations they are. It compares nothing: each has its own compares and its own
verdict, and all that succeed have one revision.

etcd judges every compare of a transaction before it writes anything, so that those which travel together must not touch
each other: none of them writes a key that another one compares or writes. Then any order of them comes to the same. One
that does touch another waits for the next journey.

Only transactions that put (without a lease) and delete are taken along: what is wrong with one of the others
would be everybody's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.grid.etcd import messages as m
from broker.grid.etcd.endpoint import TXN, Endpoint
from broker.grid.etcd.translation import transaction
from broker.grid.etcd.troubles import Missed
from broker.grid.grid import Compare, Delete, GridUnavailable, InvalidTransaction, Operation, Put
from portcullis.tasks import cancel_and_wait, spawn

MOST = 32
"""In one request, and operations of one that is taken along: etcd counts both levels (`--max-txn-ops`, 128)."""
MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one transaction of several: `TxnResponse`, with the header of them all."""

    header: Any
    succeeded: bool
    responses: Sequence[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Passenger:
    """One transaction that may travel with others."""

    request: Any = field(repr=False)
    compared: frozenset[str]
    written: frozenset[str]
    size: int
    seconds: float
    answered: asyncio.Future[Any]

    def touches(self, compared: set[str], written: set[str]) -> bool:
        return not (
            self.written.isdisjoint(compared)
            and self.written.isdisjoint(written)
            and self.compared.isdisjoint(written)
        )


def may_travel(
    compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation]
) -> bool:
    if otherwise or not then or max(len(compares), len(then)) > MOST:
        return False
    return all(isinstance(each, Delete) or (isinstance(each, Put) and not each.lease) for each in then)


class Line:
    """To one member. Belongs to the event loop that uses it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._waiting: deque[Passenger] = deque()
        self._is_under_way = False
        self._journeys: set[asyncio.Task[None]] = set()

    async def send(self, compares: Sequence[Compare], then: Sequence[Operation], seconds: float) -> Any:
        """What the member answers. Raises what `Endpoint.call` does."""
        request = transaction(compares, then, ())
        if self._is_under_way:
            return await self._wait(_passenger(request, compares, then, seconds))
        self._is_under_way = True
        try:
            return await self._endpoint.call(TXN, request, seconds)
        except Missed as exc:
            self._miss(exc)
            raise
        finally:
            self._is_under_way = False
            self._depart()

    async def _wait(self, passenger: Passenger) -> Any:
        self._waiting.append(passenger)
        try:
            async with asyncio.timeout(passenger.seconds):
                return await passenger.answered
        except TimeoutError as exc:
            raise Missed("it does not answer in time") from exc

    def _depart(self) -> None:
        """With all that wait and do not touch each other."""
        if group := _group(self._waiting):
            self._is_under_way = True
            journey = spawn(self._travel(group), name="etcd transactions")
            self._journeys.add(journey)
            journey.add_done_callback(self._journeys.discard)

    async def _travel(self, group: Sequence[Passenger]) -> None:
        try:
            await self._together(group)
        except Missed as exc:
            _refuse(group, exc)
            self._miss(exc)
        except Exception as exc:  # whatever it is, those who wait are told of it
            _refuse(group, exc)
        except asyncio.CancelledError:
            _refuse(group, GridUnavailable("the grid is closed"))
            raise
        finally:
            self._is_under_way = False
            self._depart()

    async def _together(self, group: Sequence[Passenger]) -> None:
        seconds = max(each.seconds for each in group)
        if len(group) == 1:
            _tell(group[0], await self._endpoint.call(TXN, group[0].request, seconds))
            return
        request = m.TxnRequest(success=[m.RequestOp(txn=each.request) for each in group])
        try:
            answer = await self._endpoint.call(TXN, request, seconds)
        except InvalidTransaction:  # nothing was changed; whose fault it is shows when each goes alone
            for each in group:
                await self._travel_alone(each)
            return
        for each, response in zip(group, answer.responses, strict=True):
            _tell(each, Answer(answer.header, response.txn.succeeded, response.txn.responses))

    async def _travel_alone(self, passenger: Passenger) -> None:
        try:
            _tell(passenger, await self._endpoint.call(TXN, passenger.request, passenger.seconds))
        except InvalidTransaction as exc:
            _refuse([passenger], exc)

    def _miss(self, missed: Missed) -> None:
        """Nobody waits for a member that does not answer: there are others."""
        waiting, self._waiting = self._waiting, deque()
        _refuse(waiting, missed)

    async def close(self) -> None:
        _refuse(self._waiting, GridUnavailable("the grid is closed"))
        self._waiting.clear()
        await cancel_and_wait(*self._journeys)


def _passenger(
    request: Any, compares: Sequence[Compare], then: Sequence[Operation], seconds: float
) -> Passenger:
    return Passenger(
        request,
        frozenset(compare.key for compare in compares),
        frozenset(operation.key for operation in then),
        request.ByteSize(),
        seconds,
        asyncio.get_running_loop().create_future(),
    )


def _group(waiting: deque[Passenger]) -> list[Passenger]:
    """Taken out of `waiting`: the first, and whoever may go with it."""
    group: list[Passenger] = []
    stay: list[Passenger] = []
    compared: set[str] = set()
    written: set[str] = set()
    size = 0
    while waiting and len(group) < MOST:
        passenger = waiting.popleft()
        if passenger.answered.done():  # whoever sent it does not wait any more
            continue
        if group and (size + passenger.size > MOST_BYTES or passenger.touches(compared, written)):
            stay.append(passenger)
            continue
        group.append(passenger)
        compared |= passenger.compared
        written |= passenger.written
        size += passenger.size
    waiting.extendleft(reversed(stay))
    return group


def _tell(passenger: Passenger, answer: Any) -> None:
    if not passenger.answered.done():
        passenger.answered.set_result(answer)


def _refuse(passengers: Sequence[Passenger] | deque[Passenger], reason: Exception) -> None:
    for passenger in passengers:
        if not passenger.answered.done():
            passenger.answered.set_exception(reason)
