"""One thing that happened: a frozen value, and how it reads in JSON. No I/O.

Ids order events of all brokers by their time: 12 hex digits of milliseconds, 4 that count within one, 8 of the store
that took it. Within a store they only grow, unless its clock is set back by more than `HELD_SECONDS`: an event of today
must not stand among those of next year because the clock was wrong for a minute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HELD_SECONDS = 60.0
ID_LENGTH = 24
_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)
_COUNTS = 0x10000
LONGEST_TEXT = 1024
"""Of a field: names come from people."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `token`: the public id of the API token that was used. All empty: the site itself."""

    user: str = ""
    id: str = ""
    token: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Object:
    """What it was done to: `application`, its id, its name as people know it."""

    kind: str = ""
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """`tenant` None: an event of the whole site. `id` and `time` are given when it is recorded."""

    type: str
    tenant: str | None
    actor: Actor = Actor()
    object: Object = Object()
    code: str = ""
    reason: str = ""
    revision: int = 0
    reference: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    time: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "time": self.time,
            "tenant": self.tenant,
            "type": self.type,
            "actor": {
                "user": self.actor.user,
                "id": self.actor.id,
                "token": self.actor.token,
                "address": self.actor.address,
            },
            "object": {"kind": self.object.kind, "id": self.object.id, "name": self.object.name},
            "code": self.code,
            "reason": self.reason,
            "revision": self.revision,
            "reference": self.reference,
            "detail": dict(self.detail),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Event:
        """Of any version. Raises KeyError, TypeError, ValueError for what is none."""
        actor, what = value.get("actor") or {}, value.get("object") or {}
        tenant = value.get("tenant")
        return cls(
            type=_text(value["type"]),
            tenant=None if tenant is None else _text(tenant),
            actor=Actor(*(_text(actor.get(name) or "") for name in ("user", "id", "token", "address"))),
            object=Object(*(_text(what.get(name) or "") for name in ("kind", "id", "name"))),
            code=_text(value.get("code") or ""),
            reason=_text(value.get("reason") or ""),
            revision=int(value.get("revision") or 0),
            reference=_text(value.get("reference") or ""),
            detail=dict(value.get("detail") or {}),
            id=_text(value.get("id") or ""),
            time=float(value.get("time") or 0.0),
        )


class Ids:
    """Makes the ids of one store."""

    def __init__(self, store: str, latest: str = "") -> None:
        """`latest`: the newest id that the store holds of its own."""
        self._suffix = store[:8]
        self._at = (int(latest[:12], 16), int(latest[12:16], 16)) if is_event_id(latest) else (0, 0)

    def next(self, now: float) -> str:
        milliseconds, count = max(0, int(now * 1000)), 0
        held, counted = self._at
        if milliseconds <= held < milliseconds + HELD_SECONDS * 1000:
            milliseconds, count = divmod(held * _COUNTS + counted + 1, _COUNTS)
        self._at = (milliseconds, count)
        return f"{milliseconds:012x}{count:04x}{self._suffix}"


def is_event_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def id_bounds(start: float | None, end: float | None) -> tuple[str, str]:
    """Between which ids all events of that time are, the second excluded; some others are there too."""
    low = "0" * ID_LENGTH if start is None else f"{max(0, int(start * 1000)):012x}".ljust(ID_LENGTH, "0")
    high = "g" if end is None else f"{max(0, int((end + HELD_SECONDS) * 1000) + 1):012x}"
    return low, high


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value[:LONGEST_TEXT]
