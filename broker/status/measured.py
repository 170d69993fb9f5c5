"""The state of the site as metrics of this broker: looked at every ten seconds, for whoever is paged at night."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import get_args

from broker.status.findings import findings
from broker.status.picture import BrokerState, Finding, Picture, Severity
from broker.status.watch import StatusWatch
from portcullis import metrics as table
from portcullis.measuring import Metrics
from portcullis.tasks import cancel_and_wait, spawn

PERIOD_SECONDS = 10.0


class MeasuredStatus:
    def __init__(self, watch: StatusWatch) -> None:
        self._watch = watch
        self._picture: Picture | None = None
        self._findings: list[Finding] = []
        self._task: asyncio.Task[None] | None = None

    def start(self, metrics: Metrics) -> None:
        metrics.read(table.BROKERS, self.brokers)
        metrics.read(table.GRID_MEMBERS, self.members)
        metrics.read(table.GRID_DATABASE, self.database_bytes)
        metrics.read(table.FINDINGS, self.findings)
        metrics.read(table.PROBES, self.probes)
        self._task = spawn(self._run(), name="measured status")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)

    async def look(self) -> None:
        self._picture = await self._watch.picture()
        self._findings = findings(self._picture)

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(PERIOD_SECONDS)

    def brokers(self) -> dict[tuple[str, ...], float]:
        found = Counter(dict.fromkeys(get_args(BrokerState), 0))
        found.update(broker.state for broker in (self._picture.brokers if self._picture else ()))
        return {(state,): number for state, number in found.items()}

    def members(self) -> dict[tuple[str, ...], float]:
        members = self._picture.members if self._picture else ()
        healthy = sum(member.healthy for member in members)
        return {("healthy",): healthy, ("down",): len(members) - healthy}

    def database_bytes(self) -> float:
        members = self._picture.members if self._picture else ()
        return max((member.database_bytes for member in members), default=0)

    def probes(self) -> dict[tuple[str, ...], float]:
        found: Counter[str] = Counter(dict.fromkeys(table.PROBE_STATES, 0))
        for probes in self._picture.probes if self._picture else ():
            found.update(probes.states)
        return {(state,): number for state, number in found.items()}

    def findings(self) -> dict[tuple[str, ...], float]:
        found = Counter(dict.fromkeys(get_args(Severity), 0))
        found.update(finding.severity for finding in self._findings)
        return {(severity,): number for severity, number in found.items()}
