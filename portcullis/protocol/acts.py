"""What help desk does with a session on its host (docs/protocol.md 4): disconnect it, tell its user something, look at
its processes.

Part of the control channel. The broker asks `act`, the agent answers `acted`. Who asks waits for `ANSWER_SECONDS`, and
only for agents that name `act` among the features of their hello.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from portcullis.protocol.fields import Fields

FEATURE = "act"
ANSWER_SECONDS = 2.0
MAXIMUM_PROCESSES = 256
LONGEST_TEXT = 500
"""Characters of what a user is told."""

Kind = Literal["disconnect", "tell", "processes"]
KINDS: frozenset[Kind] = frozenset(get_args(Kind))
Outcome = Literal["done", "unknown", "failed", "away", "older"]
"""`unknown`: the host has no such session. `away`: the host cannot be asked now. `older`: its agent cannot do this."""
OUTCOMES: frozenset[Outcome] = frozenset(get_args(Outcome))


@dataclass(frozen=True, slots=True)
class Act:
    id: str
    tenant: str
    session: str
    kind: Kind
    text: str = ""
    """What is told."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "act",
            "id": self.id,
            "tenant": self.tenant,
            "session": self.session,
            "act": self.kind,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Process:
    """`command`: the program alone, since arguments may hold secrets. `started`: seconds since 1970."""

    pid: int
    name: str
    command: str
    cpu_seconds: float
    memory_bytes: int
    started: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Acted:
    """The answer to the act of this id."""

    id: str
    outcome: Outcome
    processes: tuple[Process, ...] = ()

    def to_json(self) -> dict[str, Any]:
        listed = [process.to_json() for process in self.processes[:MAXIMUM_PROCESSES]]
        return {"type": "acted", "id": self.id, "outcome": self.outcome, "processes": listed}


def read_act(fields: Fields) -> Act | None:
    """None for a kind of a later version."""
    kind = fields.text("act", 64)
    known = next((each for each in KINDS if each == kind), None)
    if known is None:
        return None
    text = fields.optional_text("text", 4 * LONGEST_TEXT) or ""
    return Act(fields.id("id"), fields.id("tenant"), fields.id("session"), known, clean_text(text))


def read_acted(fields: Fields) -> Acted:
    processes = fields.optional_items("processes", MAXIMUM_PROCESSES, _process)
    return Acted(fields.id("id"), fields.choice("outcome", OUTCOMES), processes)


def clean_text(text: str) -> str:
    """As it may be shown: one paragraph, no control or direction characters, not longer than it may be."""
    return "".join(_shown(text))[:LONGEST_TEXT].strip()


def _shown(text: str) -> Iterable[str]:
    for character in text:
        if character in "\n\r\t":
            yield " "
        elif character.isprintable() and character not in _DIRECTIONS:
            yield character


_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _process(fields: Fields) -> Process:
    return Process(
        fields.integer("pid", 1, 2**31),
        fields.text("name", 64),
        fields.optional_text("command", 256) or "",
        fields.number("cpu_seconds", 0, 1e9),
        fields.integer("memory_bytes", 0, 2**63),
        fields.optional_number("started", 0, 1e11),
    )
