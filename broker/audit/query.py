"""What is asked of the audit: a value, how it travels between brokers, and one page of the answer. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.audit.event import Event, is_event_id

MOST = 1000
"""Events of a page."""


@dataclass(frozen=True, slots=True)
class Query:
    """Of one tenant, or of the site (`tenant` None). Everything that is not empty must hold.

    `user`: name or id of who did it. `object`: `kind:name`, a kind followed by a colon, a name or an id. `text` stands
    somewhere in names, codes, reasons, addresses or references, whatever its case. `before`: the id that all are
    older than.
    """

    tenant: str | None
    types: tuple[str, ...] = ()
    user: str = ""
    object: str = ""
    code: str = ""
    reference: str = ""
    start: float | None = None
    end: float | None = None
    text: str = ""
    limit: int = 100
    before: str = ""
    whole: bool = True
    """With the steps of launches, which are large."""

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "types": list(self.types),
            "user": self.user,
            "object": self.object,
            "code": self.code,
            "reference": self.reference,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "limit": self.limit,
            "before": self.before,
            "whole": self.whole,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Query:
        """Raises ValueError, TypeError."""
        before, tenant = str(value.get("before") or ""), value.get("tenant")
        if before and not is_event_id(before):
            raise ValueError("before")
        return cls(
            tenant=None if tenant is None else str(tenant),
            types=tuple(str(each) for each in value.get("types") or ()),
            **{name: str(value.get(name) or "") for name in ("user", "object", "code", "reference", "text")},
            start=_number(value.get("start")),
            end=_number(value.get("end")),
            limit=max(1, min(MOST, int(value.get("limit") or 100))),
            before=before,
            whole=bool(value.get("whole", True)),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `before`: where the next page begins, "" at the end. It may hold fewer than were asked for, even
    none, and go on all the same: a search looks at so many events at once and no more.
    """

    items: tuple[Event, ...] = ()
    before: str = ""
    missing: tuple[str, ...] = field(default=())
    """Names of brokers that live and did not answer."""

    def to_json(self) -> dict[str, Any]:
        return {
            "items": [event.to_json() for event in self.items],
            "before": self.before,
            "missing": list(self.missing),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Page:
        """Raises ValueError, TypeError, KeyError."""
        items = tuple(Event.from_json(each) for each in value["items"])
        before = str(value.get("before") or "")
        if before and not is_event_id(before):
            raise ValueError("before")
        return cls(items, before, tuple(str(each) for each in value.get("missing") or ()))


def merge(pages: Sequence[Page], limit: int, missing: Sequence[str] = ()) -> Page:
    """One page out of those of several stores, each event once. Nothing older than what some store has not looked at
    yet is told: the next page would have to come before it.
    """
    floor = max((page.before for page in pages if page.before), default="")
    found = {event.id: event for page in pages for event in page.items if event.id >= floor}
    ordered = [found[key] for key in sorted(found, reverse=True)]
    before = ordered[limit - 1].id if len(ordered) > limit else floor
    return Page(tuple(ordered[:limit]), before, tuple(sorted({*missing, *_missing(pages)})))


def _missing(pages: Sequence[Page]) -> set[str]:
    return {name for page in pages for name in page.missing}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
