"""Bugs that a broker does not have, planted for the judges to find."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from broker.grid.scopes import Condition, SealedOperation, TenantStore
from broker.launch import launch
from broker.repositories.sessions import Sessions
from portcullis.ids import new_id
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
    conditions = launch.conditions

    def careless(*seen: Any) -> list[Condition]:
        return conditions(*seen)[1:]

    launch.conditions = careless


def blind_retry() -> None:
    """A launch whose answer was lost, as one in three is here, is simply tried again."""
    claim = launch.Launcher._claim

    async def careless(self: launch.Launcher, *plan: Any) -> Session | None:
        session = await claim(self, *plan)
        if session is None or secrets.randbelow(3):
            return session
        tenant = plan[1]
        again = replace(session, id=new_id())
        operations, _ = self._sessions.claim(tenant, again)
        await self._stores.commit(*operations)
        return again

    launch.Launcher._claim = careless  # type: ignore[method-assign]


BUGS: Mapping[str, Callable[[], None]] = {
    "no-slot-compare": no_slot_compare,
    "no-gate-compare": no_gate_compare,
    "blind-retry": blind_retry,
}
