"""Explains launches: finds one by its reference, simulates it again, and tells what was changed meanwhile.

The grid keeps the traces of refused and failed launches for a day, the audit those of all launches for as long as it is
kept. Where both know one, the grid's counts: a host's last word stands there whole.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from broker.audit.query import Page, Query
from broker.explain.changes import Changes
from broker.explain.launches import TYPES, PastLaunch, of_event, of_trace, once_each
from broker.launch.traces import Traces, parse_reference
from broker.simulation.question import Question
from broker.simulation.simulator import Simulator
from portcullis import reasons
from portcullis.errors import Unavailable

log = logging.getLogger(__name__)

Search = Callable[[Query], Awaitable[Page]]


class Explainer:
    def __init__(self, traces: Traces, search: Search, simulator: Simulator, changes: Changes) -> None:
        self._traces = traces
        self._search = search
        self._simulator = simulator
        self._changes = changes

    async def find(self, tenant_id: str, reference: str) -> PastLaunch | None:
        """However the reference was heard or typed. Raises Unavailable, GridUnavailable."""
        parsed = parse_reference(reference)
        if parsed is None:
            return None
        trace = await self._traces.get(tenant_id, parsed)
        recorded = await self._recorded(Query(tenant_id, TYPES, reference=parsed))
        if trace is None:
            return recorded[0] if recorded else None
        kept = of_trace(trace)
        return replace(recorded[0], trace=trace, outcome=kept.outcome) if recorded else kept

    async def _recorded(self, query: Query) -> list[PastLaunch]:
        try:
            page = await self._search(query)
        except Unavailable as exc:
            log.warning("a launch is explained without the audit: %s", exc)
            return []
        return once_each(map(of_event, page.items))

    async def explain(self, tenant_id: str, launch: PastLaunch) -> dict[str, Any]:
        """As the API shows it: the launch, the same question asked today, and what was changed since."""
        trace = launch.trace
        question = Question(trace.user, trace.application, launch.client_address or None)
        now = await self._simulator.simulate(tenant_id, question)
        objects = [step.object for step in (*trace.steps, *now.steps) if step.object]
        named = [f"user:{trace.user}", f"application:{trace.application}", *objects]
        changes = await self._changes.since(tenant_id, trace.revision, named) if trace.revision else []
        return {
            **launch.view(),
            "remedy": reasons.remedy(trace.code, sees_steps=True) if trace.code else None,
            "now": now.view(),
            "changes": [change.view() for change in changes],
        }

    async def list(self, query: Query) -> tuple[list[PastLaunch], Page]:
        """Newest first, with the page of the audit that they are from. Raises Unavailable."""
        page = await self._search(query)
        return once_each(map(of_event, page.items)), page
