"""How far a session has come, from what its leader and worker say. Pure: messages in, reports and time limits out.

A session is `starting` until its first window is mapped, then `ready`; `active` while a client is attached, and
`disconnected` when none is any more. An agent that adopts a session learns all of this from the leader's status and
the worker's last state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from portcullis.errors import CODES
from portcullis.model.session import STAGES, Stage, State
from portcullis.protocol.reports import TEXT_CHARACTERS, Report
from portcullis.protocol.worker_channel import Status, WorkerState

TimeLimit = Literal["window", "closed"]
"""`window`: the application's first window; `closed`: it left no window, and its main process has ended."""


@dataclass(frozen=True, slots=True)
class Progress:
    stage: Stage = "accepted"
    window_seen: bool = False
    windows: int = 0
    connections: int = 0
    e: int = 0
    application_exited: bool = False
    exit_status: int | None = None
    ended: bool = False
    code: str | None = None
    detail: str | None = None
    words: int = 0
    """What revocations its worker knows (`WorkerState.words`)."""

    def after(self, message: Status | WorkerState) -> Progress:
        return self._after_state(message) if isinstance(message, WorkerState) else self._after_status(message)

    def failed(self, code: str, detail: str | None) -> Progress:
        """Ended before or without its leader saying so."""
        return replace(self, ended=True, code=code, detail=detail)

    @property
    def state(self) -> State:
        if self.ended:
            return "ended"
        if not self.window_seen:
            return "starting"
        if self.connections:
            return "active"
        return "disconnected" if self.e else "ready"

    @property
    def time_limit(self) -> TimeLimit | None:
        if self.ended or self.code is not None or self.stage != "application":
            return None
        if not self.window_seen:
            return "window"
        return "closed" if self.application_exited and self.windows == 0 else None

    def report(self, session: str, tenant: str) -> Report:
        stage: Stage = "ready" if self.window_seen else self.stage
        detail = None if self.detail is None else self.detail[:TEXT_CHARACTERS]
        code = self.code if self.ended else None
        return Report(session, tenant, self.state, stage, code, detail, self.exit_status)

    def _after_state(self, message: WorkerState) -> Progress:
        return replace(
            self,
            windows=message.windows,
            connections=message.connections,
            e=message.e,
            words=message.words,
            # An epoch is only told once there was a window: that outlives the agent that saw it.
            window_seen=self.window_seen or message.windows > 0 or message.e > 0,
        )

    def _after_status(self, message: Status) -> Progress:
        return replace(
            self,
            stage=next((stage for stage in STAGES if stage == message.stage), self.stage),
            application_exited="application" in message.exit_statuses,
            exit_status=message.exit_statuses.get("application"),
            ended=message.ended,
            code=message.code if message.code is None or message.code in CODES else "session_ended",
            detail=message.detail,
        )
