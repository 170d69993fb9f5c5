"""What came of probes: as the grid has it, as a broker of before tells that makes them, or as the audit kept it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from broker.audit.query import Page, Query
from broker.hosts.questions import AskPeer
from broker.probes.records import Probes
from broker.probes.result import Result
from broker.snapshot import Snapshot
from portcullis.errors import ProtocolError, Unavailable
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

PATH = "/inner/v1/probes"
JOB = ("job", "prober")
MAXIMUM_BYTES = 1 << 20
MOST = 1000
MOST_SEARCHED = 500

Search = Callable[[Query], Awaitable[Page]]


class ProbeResults:
    def __init__(
        self,
        snapshot: Snapshot,
        probes: Probes,
        own: Callable[[str, str], Result | None],
        broker_id: str,
        ask_peer: AskPeer,
        search: Search,
    ) -> None:
        """`own`: what this broker's prober knows of a tenant's application."""
        self._snapshot = snapshot
        self._probes = probes
        self._own_result = own
        self._broker_id = broker_id
        self._ask_peer = ask_peer
        self._search = search

    async def of_tenant(self, tenant_id: str) -> dict[str, Result]:
        """By application, the last ones that are known."""
        there = {probe.application_id for probe in self._probes.list(tenant_id)}
        known = {
            application: result
            for application in there
            if (result := self._probes.result(tenant_id, application)) is not None
        }
        if there - known.keys():
            known = await self._of_holder(tenant_id) | known
        if missing := there - known.keys():
            known |= await self._recorded(tenant_id, missing)
        return {application: result for application, result in known.items() if application in there}

    def answer(self, body: bytes) -> bytes:
        """To another broker: what this one has seen itself. Raises ProtocolError."""
        tenant_id = Fields.parse(body, MAXIMUM_BYTES).id("tenant")
        return json.dumps(
            {"results": {key: each.to_json() for key, each in self._own(tenant_id).items()}}
        ).encode()

    def _own(self, tenant_id: str) -> dict[str, Result]:
        found = (
            (probe.application_id, self._own_result(tenant_id, probe.application_id))
            for probe in self._probes.list(tenant_id)
        )
        return {application: result for application, result in found if result is not None}

    async def _of_holder(self, tenant_id: str) -> dict[str, Result]:
        job = self._snapshot.get("site", JOB)
        holder = str(job.value.get("broker", "")) if job else self._broker_id
        if holder == self._broker_id:
            return self._own(tenant_id)
        said = await self._ask_peer(holder, PATH, json.dumps({"tenant": tenant_id}).encode())
        try:
            return (
                {} if said is None else _read(Fields.parse(said, MAXIMUM_BYTES).optional_map("results", MOST))
            )
        except ProtocolError as exc:
            log.warning("results of probes cannot be read: %s", exc)
            return {}

    async def _recorded(self, tenant_id: str, wanted: Collection[str]) -> dict[str, Result]:
        """Of before this prober: the newest event of each."""
        try:
            page = await self._search(Query(tenant_id, ("probe",), limit=MOST_SEARCHED))
        except Unavailable:
            return {}
        newest = {
            event.object.id: event.detail for event in reversed(page.items) if event.object.id in wanted
        }
        return _read(newest)


def _read(said: Mapping[str, Any]) -> dict[str, Result]:
    """What makes no sense is left out."""
    found: dict[str, Result] = {}
    for application, data in said.items():
        try:
            found[application] = Result.from_json(data)
        except (KeyError, TypeError, ValueError, AttributeError):
            log.warning("the result of a probe cannot be read")
    return found
