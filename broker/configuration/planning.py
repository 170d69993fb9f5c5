"""The plan: what a request would change, in the order in which it is written, and who gains or loses access. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from broker.configuration.access import Access, Entitled, difference
from broker.configuration.changes import Change, change_of
from broker.configuration.checks import Powers, check
from broker.configuration.objects import ORDER, State
from broker.configuration.wanted import DocumentFinding, Place, Request, Wanted, wanted

TOLD_FINDINGS = 100


class Unfit(Exception):
    """The documents cannot be applied: every finding with its place."""

    def __init__(self, findings: Collection[DocumentFinding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = list(findings)[:TOLD_FINDINGS]


@dataclass(frozen=True, slots=True)
class Plan:
    before: State
    after: State
    changes: tuple[Change, ...]
    access: Access

    @property
    def revision(self) -> int:
        return self.before.revision

    def to_json(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "changes": [change.to_json() for change in self.changes],
            "access": self.access.to_json(),
        }


def plan(state: State, request: Request, powers: Powers) -> Plan:
    """Raises Unfit; Refused: last_administrator, not_permitted."""
    found = wanted(state, request)
    if found.findings:
        raise Unfit(found.findings)
    return plan_objects(found, powers)


def plan_objects(found: Wanted, powers: Powers) -> Plan:
    """As `plan`, of objects instead of documents."""
    state, changes = found.state, changes_of(found)
    after = state.with_objects({(change.kind, _key(change)): change.after for change in changes})
    findings = check(found, after, changes, powers)
    if findings:
        raise Unfit(findings)
    access = difference(Entitled(state), Entitled(after), state, after) if changes else Access()
    return Plan(state, after, changes, access)


def changes_of(found: Wanted) -> tuple[Change, ...]:
    """What names others comes after them; what goes, goes the other way round."""
    made = [
        change
        for place, after in found.objects.items()
        if (change := change_of(found.held(place), after, found.documents.get(place))) is not None
    ]
    ranks = {kind: rank for rank, kind in enumerate(ORDER)}

    def rank(change: Change) -> tuple[bool, int, int, str]:
        deletes = change.action == "delete"
        return (
            deletes,
            -ranks[change.kind] if deletes else ranks[change.kind],
            change.document or 0,
            change.name,
        )

    return tuple(sorted(made, key=rank))


def _key(change: Change) -> str:
    held = change.after or change.before
    assert held is not None
    return held.key


__all__ = ["Place", "Plan", "Unfit", "changes_of", "plan"]
