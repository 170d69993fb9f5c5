"""How the probes of a site are, tenant by tenant: what `portcullis status` and the metrics tell of them.

Names of applications are their tenant's own: they are told where the site has one tenant, else numbers, codes, stages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from broker.probes.records import Probes
from broker.probes.result import Probe, Result
from broker.repositories.applications import Applications
from portcullis.model.tenant import Tenant

Health = Literal["ok", "failed", "skipped", "waiting", "late"]
STATES: tuple[Health, ...] = get_args(Health)
LATE_SECONDS = 240.0
"""Beyond three times its period: the claim of a broker that died has run out by then."""
LATE_PERIODS = 3


@dataclass(frozen=True, slots=True)
class Failing:
    """`application` is empty where the site has several tenants."""

    application: str
    code: str
    stage: str
    failures: int
    reference: str


@dataclass(frozen=True, slots=True)
class ProbesOfTenant:
    tenant: str
    states: dict[str, int] = field(default_factory=dict)
    failing: tuple[Failing, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class ProbeHealth:
    probes: Probes
    applications: Applications

    def look(self, tenants: Sequence[Tenant], now: float) -> tuple[ProbesOfTenant, ...]:
        """Of the tenants that have any, by name."""
        found = (self._of(tenant, now, named=len(tenants) == 1) for tenant in tenants)
        return tuple(sorted((each for each in found if each.total), key=lambda each: each.tenant))

    def _of(self, tenant: Tenant, now: float, *, named: bool) -> ProbesOfTenant:
        states: Counter[str] = Counter(dict.fromkeys(STATES, 0))
        failing = []
        for probe in self.probes.list(tenant.id):
            result = self.probes.result(tenant.id, probe.application_id)
            health = state_of(probe, result, now)
            states[health] += 1
            if result is not None and health == "failed":
                name = self._name(tenant.id, probe) if named else ""
                reference = result.reference if named else ""
                failing.append(Failing(name, result.code, result.stage, result.failures, reference))
        failing.sort(key=lambda each: (-each.failures, each.application, each.code))
        return ProbesOfTenant(tenant.name, dict(states), tuple(failing))

    def _name(self, tenant_id: str, probe: Probe) -> str:
        application = self.applications.get(tenant_id, probe.application_id)
        return application.name if application else probe.application_id


def state_of(probe: Probe, result: Result | None, now: float) -> Health:
    """A result that nothing came after for long says nothing any more."""
    if result is None:
        return "waiting"
    if now - result.time > LATE_PERIODS * probe.every_seconds + LATE_SECONDS:
        return "late"
    return result.state
