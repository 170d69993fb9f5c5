"""What an agent says of its host and of each session (docs/protocol.md 4): hello, reports, heartbeats.

Part of the control channel, from agent to broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from portcullis.errors import CODES
from portcullis.ids import is_id
from portcullis.model.host import DEFAULT_STARTING_LIMIT, Isolation
from portcullis.model.session import Display, Stage, State
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol.fields import Fields
from portcullis.protocol.orders import (
    MAXIMUM_SLOTS,
    NAME_CHARACTERS,
    REFERENCE_CHARACTERS,
    Order,
    read_display,
)

MAXIMUM_REPORTS = 2 * MAXIMUM_SLOTS  # orphans included
MAXIMUM_FEATURES = 64
TEXT_CHARACTERS = 1024
_REPORTED_STATES: frozenset[State] = frozenset({"starting", "ready", "active", "disconnected", "ended"})
_STAGES: frozenset[Stage] = frozenset(get_args(Stage))


@dataclass(frozen=True, slots=True)
class About:
    """Whose session it is and of what: for a broker that has no record of it (its grid was restored)."""

    user_id: str
    application_id: str
    slot: int
    display: Display
    reference: str = ""
    e: int = 0
    """The highest attach epoch that its worker has seen."""

    @classmethod
    def of(cls, order: Order) -> About:
        return cls(order.user_id, order.application_id, order.slot, order.display, order.reference)

    def to_json(self) -> dict[str, Any]:
        return {
            "user": self.user_id,
            "application": self.application_id,
            "slot": self.slot,
            "display": self.display.to_json(),
            "reference": self.reference,
            "e": self.e,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What the agent says of one session. `code` is set when it ended by itself; `detail` is one line."""

    session: str
    tenant: str
    state: State
    stage: Stage
    code: str | None = None
    detail: str | None = None
    exit_status: int | None = None
    about: About | None = field(default=None, compare=False)
    """Not in a hello, which holds the reports of all sessions: each is sent by itself right after the welcome. It is
    no news by itself."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "report",
            "session": self.session,
            "tenant": self.tenant,
            "state": self.state,
            "stage": self.stage,
            "code": self.code,
            "detail": self.detail,
            "exit_status": self.exit_status,
            **({"about": self.about.to_json()} if self.about else {}),
        }


@dataclass(frozen=True, slots=True)
class Hello:
    version: str
    slots: int
    incarnation: str
    sessions: tuple[Report, ...] = ()
    isolation: Isolation = "accounts"
    starting_limit: int = DEFAULT_STARTING_LIMIT
    """So many sessions it starts at once."""
    features: frozenset[str] = frozenset()
    """Messages of later versions that it answers, by their types: nobody waits for an answer of an older agent."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "version": self.version,
            "slots": self.slots,
            "incarnation": self.incarnation,
            "isolation": self.isolation,
            "starting_limit": self.starting_limit,
            "features": sorted(self.features),
            "sessions": [replace(report, about=None).to_json() for report in self.sessions],
        }


@dataclass(frozen=True, slots=True)
class Heartbeat:
    load: float
    """One-minute load divided by the number of cores."""
    memory_available_bytes: int
    sessions: Mapping[str, StreamFigures] = field(default_factory=dict)
    """Streams of which something new is known, by session. Absent from older agents."""
    unused: Mapping[str, int] = field(default_factory=dict)
    """Seconds for which nobody has used a session: those of half a minute or more. Absent from older agents."""

    def to_json(self) -> dict[str, Any]:
        figures = list(self.sessions.items())[:MAXIMUM_SLOTS]
        return {
            "type": "heartbeat",
            "load": self.load,
            "memory_available_bytes": self.memory_available_bytes,
            **({"sessions": {session: each.to_json() for session, each in figures}} if figures else {}),
            **({"unused": dict(list(self.unused.items())[:MAXIMUM_SLOTS])} if self.unused else {}),
        }


def read_hello(fields: Fields) -> Hello:
    return Hello(
        version=fields.text("version", NAME_CHARACTERS),
        slots=fields.integer("slots", 1, MAXIMUM_SLOTS),
        incarnation=fields.id("incarnation"),
        sessions=fields.items("sessions", MAXIMUM_REPORTS, read_report),
        isolation=_isolation(fields),
        starting_limit=_starting_limit(fields),
        features=frozenset(fields.optional_texts("features", MAXIMUM_FEATURES, 64)),
    )


def _starting_limit(fields: Fields) -> int:
    """More than the slots that it has means nothing more."""
    said = fields.optional_integer("starting_limit", 1, 2**31 - 1)
    return DEFAULT_STARTING_LIMIT if said is None else min(said, MAXIMUM_SLOTS)


def _isolation(fields: Fields) -> Isolation:
    """An agent that does not say it is older than the choice. What a newer one says counts as none."""
    said = fields.optional_text("isolation", 64)
    return "accounts" if said is None or said == "accounts" else "none"


def read_report(fields: Fields) -> Report:
    return Report(
        session=fields.id("session"),
        tenant=fields.id("tenant"),
        state=fields.choice("state", _REPORTED_STATES),
        stage=fields.choice("stage", _STAGES),
        code=_optional_code(fields),
        detail=fields.optional_text("detail", TEXT_CHARACTERS),
        exit_status=fields.optional_integer("exit_status", -(2**31), 2**31 - 1),
        about=_about(fields.inner("about")) if fields.holds("about") else None,
    )


def parse_about(data: object) -> About:
    """Of what a leader kept. Raises ProtocolError, also for what an older agent gave it."""
    return _about(Fields(data))


def _about(fields: Fields) -> About:
    return About(
        user_id=fields.id("user"),
        application_id=fields.id("application"),
        slot=fields.integer("slot", 0, MAXIMUM_SLOTS - 1),
        display=read_display(fields.inner("display")),
        reference=fields.text("reference", REFERENCE_CHARACTERS),
        e=fields.integer("e", 0, 2**32 - 1),
    )


def _optional_code(fields: Fields) -> str | None:
    """A newer agent may know codes that this side does not: those count as the general one."""
    code = fields.optional_text("code", 64)
    return code if code is None or code in CODES else "session_ended"


def read_heartbeat(fields: Fields) -> Heartbeat:
    return Heartbeat(
        load=fields.number("load", 0, 1e6),
        memory_available_bytes=fields.integer("memory_available_bytes", 0, 2**63),
        sessions=_stream_figures(fields.optional_map("sessions", MAXIMUM_SLOTS)),
        unused=_unused(fields.optional_map("unused", MAXIMUM_SLOTS)),
    )


def _unused(data: Mapping[str, Any]) -> dict[str, int]:
    """What makes no sense is passed over: it is told again."""
    return {
        session: seconds
        for session, seconds in data.items()
        if is_id(session) and type(seconds) is int and 0 <= seconds < 2**31
    }


def _stream_figures(data: Mapping[str, Any]) -> dict[str, StreamFigures]:
    """What makes no sense is left out: it is shown, and no more."""
    read = {session: StreamFigures.from_json(each) for session, each in data.items() if is_id(session)}
    return {session: each for session, each in read.items() if each is not None}
