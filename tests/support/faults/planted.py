"""Bugs that a broker does not have, planted for the judges to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from broker.grid.scopes import Condition, SealedOperation, SiteStore, Stores, TenantStore
from broker.launch.view import Look
from broker.repositories import committing
from broker.repositories.sessions import Sessions
from portcullis.model.session import Session


def no_slot_compare() -> None:
    """A launch takes its slot without looking whether it is free."""
    claim = Sessions.claim

    def careless(
        self: Sessions, tenant: TenantStore, session: Session
    ) -> tuple[Sequence[SealedOperation], Sequence[Condition]]:
        operations, (_, own_is_free) = claim(self, tenant, session)
        return operations, [own_is_free]

    Sessions.claim = careless  # type: ignore[method-assign]


def no_gate_compare() -> None:
    """A launch does not look whether its user was disabled meanwhile."""
    conditions = Look.conditions

    def careless(self: Look, host_id: str, site: SiteStore, tenant: TenantStore) -> list[Condition]:
        return conditions(self, host_id, site, tenant)[1:]

    Look.conditions = careless  # type: ignore[method-assign]


def blind_retry() -> None:
    """A write of unknown outcome is sent once more without its conditions."""
    commit = Stores.commit

    async def careless(
        self: Stores, *operations: SealedOperation, conditions: Sequence[Condition] = ()
    ) -> committing.CommitResult:
        result = await commit(self, *operations, conditions=conditions)
        if not result.succeeded:
            return await commit(self, *operations)
        return result

    Stores.commit = careless  # type: ignore[method-assign]


BUGS: Mapping[str, Callable[[], None]] = {
    "no-slot-compare": no_slot_compare,
    "no-gate-compare": no_gate_compare,
    "blind-retry": blind_retry,
}
