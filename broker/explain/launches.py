"""Launches of the past, out of the audit's events. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from broker.audit.event import Event
from portcullis.errors import CODES
from portcullis.model.launch import Circumstances, LaunchTrace, Step

Outcome = Literal["launched", "reconnected", "refused", "failed"]
TYPES = ("launch", "launch_refused", "launch_failed")
_HAPPENED_ON_HOST = frozenset({"start", "run"})
"""Steps of a trace that tell of a failure after the launch was placed."""


@dataclass(frozen=True, slots=True)
class PastLaunch:
    trace: LaunchTrace
    outcome: Outcome
    id: str = ""
    """Of its event, where it stands in the audit."""
    client_address: str = ""
    host: str = ""
    session: str = ""

    def row(self) -> dict[str, Any]:
        """As a list shows it."""
        shown = self.trace.view()
        del shown["steps"]
        return {
            **shown,
            "id": self.id,
            "outcome": self.outcome,
            "client_address": self.client_address,
            "host": self.host,
            "session": self.session,
        }

    def view(self) -> dict[str, Any]:
        return {**self.row(), "steps": self.trace.view()["steps"]}


def of_event(event: Event) -> PastLaunch:
    steps = [Step.from_json(step) for step in event.detail.get("steps", ()) if isinstance(step, dict)]
    outcome = _outcome(event)
    if outcome == "failed" and not any(step.outcome == "failed" for step in steps):
        steps.append(
            Step("start", "failed", event.reason, event.code, f"host:{event.detail.get('host', '')}")
        )
    code = event.code if outcome in ("refused", "failed") else ""
    trace = LaunchTrace(
        event.reference,
        event.time,
        event.actor.user,
        event.object.name or event.object.id,
        code,
        _message(event, outcome),
        tuple(steps),
        event.revision,
        Circumstances.from_json(event.detail.get("circumstances")),
    )
    host, session = str(event.detail.get("host", "")), str(event.detail.get("session", ""))
    return PastLaunch(trace, outcome, event.id, event.actor.address or _address(trace), host, session)


def of_trace(trace: LaunchTrace) -> PastLaunch:
    """Of one that is kept in the grid: refused or failed."""
    last = trace.steps[-1] if trace.steps else None
    failed = last is not None and last.step in _HAPPENED_ON_HOST
    return PastLaunch(trace, "failed" if failed else "refused", client_address=_address(trace))


def _address(trace: LaunchTrace) -> str:
    return trace.circumstances.client_address if trace.circumstances else ""


def once_each(launches: Iterable[PastLaunch]) -> list[PastLaunch]:
    """A launch that failed was placed before, under the same reference: the newer word counts. Newest first."""
    found: dict[str, PastLaunch] = {}
    for launch in launches:
        found.setdefault(launch.trace.reference or launch.id, launch)
    return list(found.values())


def merged(words: Sequence[PastLaunch]) -> PastLaunch:
    """What several words say of one launch: the first counts, the others add what it does not say."""
    first = words[0]
    revision = next((word.trace.revision for word in words if word.trace.revision), 0)
    known = next((word.trace.circumstances for word in words if word.trace.circumstances), None)
    return replace(
        first,
        trace=replace(first.trace, revision=revision, circumstances=known),
        id=_first_said(word.id for word in words),
        client_address=_first_said(word.client_address for word in words),
        host=_first_said(word.host for word in words),
        session=_first_said(word.session for word in words),
    )


def _first_said(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def _outcome(event: Event) -> Outcome:
    match event.type:
        case "launch_refused":
            return "refused"
        case "launch_failed":
            return "failed"
    return "reconnected" if event.code == "reconnected" else "launched"


def _message(event: Event, outcome: Outcome) -> str:
    if outcome == "failed":
        return CODES.get(event.code, event.reason)
    if outcome == "refused":
        return event.reason or CODES.get(event.code, "")
    return f"{'Taken up again' if outcome == 'reconnected' else 'Placed'} on {event.detail.get('host', '')}."
