"""How the probes of a site are, tenant by tenant: what `portcullis status` and the metrics tell of them.

Names of applications are their tenant's own: they are told where the site has one tenant, else numbers, codes, stages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from broker.probes.records import Probes
from broker.probes.result import HEALTH, Failing, Probe, ProbesOfTenant, state_of
from broker.repositories.applications import Applications
from portcullis.model.tenant import Tenant


@dataclass(frozen=True, slots=True)
class ProbeHealth:
    probes: Probes
    applications: Applications

    def look(self, tenants: Sequence[Tenant], now: float) -> tuple[ProbesOfTenant, ...]:
        """Of the tenants that have any, by name."""
        found = (self._of(tenant, now, named=len(tenants) == 1) for tenant in tenants)
        return tuple(sorted((each for each in found if each.total), key=lambda each: each.tenant))

    def _of(self, tenant: Tenant, now: float, *, named: bool) -> ProbesOfTenant:
        states: Counter[str] = Counter(dict.fromkeys(HEALTH, 0))
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
