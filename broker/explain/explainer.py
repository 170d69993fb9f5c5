"""Explains launches: finds one by its reference, simulates it again, and tells what was changed meanwhile.

The grid keeps the traces of refused and failed launches for a day, the audit those of all launches for as long as it is
kept. Where both know one, the grid's counts: a host's last word stands there whole.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from broker.audit.query import Page, Query
from broker.explain.changes import Changed, Changes
from broker.explain.launches import TYPES, PastLaunch, merged, of_event, of_trace, once_each
from broker.grid.grid import GridUnavailable
from broker.launch.traces import Traces, parse_reference
from broker.simulation.question import Question, Simulation
from broker.simulation.simulator import Simulator
from portcullis import reasons
from portcullis.errors import Unavailable
from portcullis.model.launch import LaunchTrace

log = logging.getLogger(__name__)

Search = Callable[[Query], Awaitable[Page]]
May = Callable[[str], bool]
READING = {
    kind: f"{plural}.read"
    for kind, plural in (
        ("user", "users"),
        ("application", "applications"),
        ("group", "groups"),
        ("policy", "policies"),
        ("host", "hosts"),
    )
}
"""The permission that shows an object of the kind, and so how it was changed."""


class Explainer:
    def __init__(self, traces: Traces, search: Search, simulator: Simulator, changes: Changes) -> None:
        self._traces = traces
        self._search = search
        self._simulator = simulator
        self._changes = changes

    async def find(self, tenant_id: str, reference: str) -> PastLaunch | None:
        """However the reference was heard or typed. One of grid and audit that is away is done without."""
        parsed = parse_reference(reference)
        if parsed is None:
            return None
        trace = await self._kept(tenant_id, parsed)
        recorded = await self._recorded(Query(tenant_id, TYPES, reference=parsed))
        if trace is not None:
            return merged([of_trace(trace), *recorded])
        return merged(recorded) if recorded else None

    async def _kept(self, tenant_id: str, reference: str) -> LaunchTrace | None:
        try:
            return await self._traces.get(tenant_id, reference)
        except GridUnavailable as exc:
            log.warning("a launch is explained without the grid: %s", exc)
            return None

    async def _recorded(self, query: Query) -> list[PastLaunch]:
        """Newest first."""
        try:
            page = await self._search(query)
        except Unavailable as exc:
            log.warning("a launch is explained without the audit: %s", exc)
            return []
        return [of_event(event) for event in page.items]

    async def explain(self, tenant_id: str, launch: PastLaunch, may: May) -> dict[str, Any]:
        """As the API shows it: the launch, the same question asked today, and what was changed since. Of the latter
        two what its reader may see: `may` is asked for the names of permissions.
        """
        now = await self._now(tenant_id, launch)
        changes = await self._since(tenant_id, launch, now)
        return {
            **launch.view(),
            "remedy": reasons.remedy(launch.trace.code, sees_steps=True) if launch.trace.code else None,
            "now": now.view() if may("simulate") else None,
            "changes": [change.view() for change in changes if may(READING[change.kind])],
        }

    async def _now(self, tenant_id: str, launch: PastLaunch) -> Simulation:
        """In the circumstances that it had, as far as they were kept; else by somebody who has just signed in. What
        failed on a host is asked of hosts again: the plan alone cannot know it.
        """
        trace, address = launch.trace, launch.client_address or None
        age = trace.circumstances.factor_age_minutes if trace.circumstances else 0.0
        question = Question(
            trace.user,
            trace.application,
            address,
            factor_age_minutes=age,
            dry_run=launch.outcome == "failed",
        )
        return await self._simulator.simulate(tenant_id, question)

    async def _since(self, tenant_id: str, launch: PastLaunch, now: Simulation) -> list[Changed]:
        """Of what the launch named, and of what stands in the way or lets it through today."""
        trace = launch.trace
        if not trace.revision:
            return []
        decided = (step for step in now.steps if (step.step, step.outcome) != ("host", "passed"))
        objects = [step.object for step in (*trace.steps, *decided) if step.object]
        named = [f"user:{trace.user}", f"application:{trace.application}", *objects]
        try:
            return await self._changes.since(tenant_id, trace.revision, named)
        except GridUnavailable as exc:
            log.warning("what was changed since a launch cannot be told now: %s", exc)
            return []

    async def list(self, query: Query) -> tuple[list[PastLaunch], Page]:
        """Newest first, with the page of the audit that they are from. Raises Unavailable."""
        page = await self._search(query)
        return once_each(map(of_event, page.items)), page
