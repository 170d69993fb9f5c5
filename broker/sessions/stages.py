"""The stages of a launch as its user sees them happen. A stage stands in the session record, so any broker can tell.

A launch that failed leaves no record: why it did stands in its trace, under the reference that the record bore. The
last records that vanished are remembered here, for a client that asks a moment too late.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Literal

from broker.launch.traces import Traces
from broker.repositories.sessions import session_of
from broker.snapshot import Change, Snapshot
from portcullis.errors import CODES
from portcullis.model.session import READY_STATES, STAGES, Session

REMEMBERED_ENDINGS = 1024


@dataclass(frozen=True, slots=True)
class StageEvent:
    """`ready` and `failed` are the last of their stream. `state` is the session's state."""

    kind: Literal["stage", "ready", "failed"]
    stage: str | None = None
    state: str | None = None
    code: str | None = None
    message: str | None = None
    reference: str | None = None


class Stages:
    def __init__(self, snapshot: Snapshot, traces: Traces) -> None:
        self._snapshot = snapshot
        self._traces = traces
        self._ended: OrderedDict[tuple[str, str], Session] = OrderedDict()
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
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
        """Every stage from the first on, then `ready` or `failed`."""
        key = (tenant_id, session_id)
        changed = asyncio.Event()
        self._waiting.setdefault(key, set()).add(changed)
        told = 0
        try:
            while (session := self._current(key)) is not None:
                reached = STAGES.index(session.stage) + 1
                for stage in STAGES[told:reached]:
                    yield StageEvent("stage", stage=stage, state=session.state)
                told = max(told, reached)
                if session.state in READY_STATES:
                    yield StageEvent("ready", state=session.state)
                    return
                await changed.wait()
                changed.clear()
            yield await self._failure(key)
        finally:
            self._forget(key, changed)

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
        if change.path[0] != "session":
            return
        key = (change.scope, change.path[1])
        if change.record is None and change.previous is not None:
            self._ended[key] = session_of(change.previous)
            if len(self._ended) > REMEMBERED_ENDINGS:
                self._ended.popitem(last=False)
        for waiting in self._waiting.get(key, ()):
            waiting.set()

    def _forget(self, key: tuple[str, str], changed: asyncio.Event) -> None:
        waiting = self._waiting[key]
        waiting.discard(changed)
        if not waiting:
            del self._waiting[key]


def _failed(code: str, message: str, reference: str | None) -> StageEvent:
    return StageEvent("failed", code=code, message=message, reference=reference)
