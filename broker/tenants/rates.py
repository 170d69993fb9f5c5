"""How often a tenant's people may sign in and launch. In memory: each broker allows its share of the quota.

A bucket holds one second's worth, at least one, so that an even flow at the quota's rate always passes. What is refused
costs nothing and is written nowhere: who is over the quota cannot make the grid pay for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portcullis.clock import Clock
from portcullis.errors import Refused
from portcullis.model.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many tokens were there at `at`."""

    tokens: float
    at: float

    def taken(self, rate: float, now: float) -> tuple[Bucket, float | None]:
        """The bucket after one was asked for, and None, or in how many seconds there will be one. `rate` is above 0."""
        most = max(1.0, rate)
        tokens = min(most, self.tokens + max(0.0, now - self.at) * rate)
        if tokens >= 1.0:
            return Bucket(tokens - 1.0, now), None
        return Bucket(tokens, now), (1.0 - tokens) / rate


class TenantRates:
    """`brokers`: how many share the work, so that all together allow what the quota says."""

    def __init__(self, clock: Clock, brokers: Callable[[], int] = lambda: 1) -> None:
        self._clock = clock
        self._brokers = brokers
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def login(self, tenant: Tenant) -> None:
        """Raises Refused("logins_too_fast") with `retry_after_seconds`."""
        self._take(tenant, "logins_too_fast", tenant.quotas.logins_per_second)

    def launch(self, tenant: Tenant) -> None:
        """Raises Refused("launches_too_fast") with `retry_after_seconds`."""
        self._take(tenant, "launches_too_fast", tenant.quotas.launches_per_second)

    def _take(self, tenant: Tenant, code: str, quota: float | None) -> None:
        key = (tenant.id, code)
        if quota is None:
            self._buckets.pop(key, None)
            return
        if quota <= 0:
            raise Refused(code)
        rate, now = quota / max(1, self._brokers()), self._clock.monotonic()
        full = Bucket(max(1.0, rate), now)
        self._buckets[key], wait = self._buckets.get(key, full).taken(rate, now)
        if wait is not None:
            raise Refused(code, retry_after_seconds=max(1, round(wait)))
