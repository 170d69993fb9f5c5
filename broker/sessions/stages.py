"""The stages of a launch as its user sees them happen. A stage stands in the session record, so any broker can tell; so
does the position in line while the host starts others first, which changes with the sessions before it.

A launch that failed leaves no record: why it did stands in its trace, under the reference that the record bore. The
last records that vanished are remembered here, for a client that asks a moment too late.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from broker.launch.traces import Traces
from broker.launch.waiting import WaitingLines
from broker.repositories.sessions import session_of
from broker.snapshot import Change, Snapshot
from portcullis.errors import CODES
from portcullis.model.session import READY_STATES, STAGES, Session

REMEMBERED_ENDINGS = 1024

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class StageEvent:
    """`ready` and `failed` are the last of their stream. `state` is the session's state; `position`: in line, 1 is the
    next; None when it does not wait. `code` of a stage: why the session is ending.
    """

    kind: Literal["stage", "ready", "failed"]
    stage: str | None = None
    state: str | None = None
    code: str | None = None
    message: str | None = None
    reference: str | None = None
    position: int | None = None


class Stages:
    def __init__(self, snapshot: Snapshot, traces: Traces, lines: WaitingLines) -> None:
        self._snapshot = snapshot
        self._traces = traces
        self._lines = lines
        self._ended: OrderedDict[tuple[str, str], Session] = OrderedDict()
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
        self._in_line: dict[str, set[asyncio.Event]] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._unsubscribe = self._snapshot.subscribe(self._changed)

    def stop(self) -> None:
        self._unsubscribe()

    def known(self, tenant_id: str, session_id: str) -> Session | None:
        """The session as it is, or was when it ended a while ago: what `follow` can tell about."""
        key = (tenant_id, session_id)
        return self._current(key) or self._ended.get(key)

    async def follow(self, tenant_id: str, session_id: str) -> AsyncGenerator[StageEvent, None]:
        """Every stage from the first on, that of a place again with each move in line, then `ready` or `failed`."""
        key = (tenant_id, session_id)
        changed = asyncio.Event()
        _add(self._waiting, key, changed)
        told, told_position = 0, None
        line: str | None = None
        try:
            while (session := self._current(key)) is not None:
                line = self._listen(changed, line, session.host_id if session.stage == "placed" else None)
                position = self._lines.position(session.host_id, session.id)
                reached = STAGES.index(session.stage) + 1
                if told == 1 == reached and position != told_position:
                    told = 0
                for stage in STAGES[told:reached]:
                    yield StageEvent(
                        "stage", stage=stage, state=session.state, code=session.end_code, position=position
                    )
                told, told_position = max(told, reached), position
                if session.state in READY_STATES:
                    yield StageEvent("ready", state=session.state)
                    return
                await changed.wait()
                changed.clear()
            yield await self._failure(key)
        finally:
            self._listen(changed, line, None)
            _discard(self._waiting, key, changed)

    def _listen(self, changed: asyncio.Event, line: str | None, to: str | None) -> str | None:
        """No more to the one host's line, but to the other's: each change of it concerns who stands there."""
        if line != to:
            if line is not None:
                _discard(self._in_line, line, changed)
            if to is not None:
                _add(self._in_line, to, changed)
        return to

    def _current(self, key: tuple[str, str]) -> Session | None:
        record = self._snapshot.get(key[0], ("session", key[1]))
        return session_of(record) if record else None

    async def _failure(self, key: tuple[str, str]) -> StageEvent:
        session = self._ended.get(key)
        if session is None:
            return _failed("session_ended", CODES["session_ended"], None)
        trace = await self._traces.get(session.tenant_id, session.reference)
        if trace is not None:
            return _failed(trace.code, trace.message, trace.reference)
        code = session.end_code or "session_ended"
        return _failed(code, CODES.get(code, CODES["session_ended"]), None)

    def _changed(self, change: Change) -> None:
        if change.scope == "site":
            if change.path[0] == "host":  # how many it starts at once may have changed
                _set(self._in_line.get(change.path[1], ()))
            return
        if change.path[0] != "session":
            return
        key = (change.scope, change.path[1])
        if change.record is None and change.previous is not None:
            self._ended[key] = session_of(change.previous)
            if len(self._ended) > REMEMBERED_ENDINGS:
                self._ended.popitem(last=False)
        _set(self._waiting.get(key, ()))
        for record in (change.record, change.previous):
            if record is not None:
                _set(self._in_line.get(record.value["host_id"], ()))


def _add(events: dict[K, set[asyncio.Event]], key: K, event: asyncio.Event) -> None:
    events.setdefault(key, set()).add(event)


def _discard(events: dict[K, set[asyncio.Event]], key: K, event: asyncio.Event) -> None:
    events[key].discard(event)
    if not events[key]:
        del events[key]


def _set(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()


def _failed(code: str, message: str, reference: str | None) -> StageEvent:
    return StageEvent("failed", code=code, message=message, reference=reference)
