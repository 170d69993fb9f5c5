"""Probes in the grid: `t/<tid>/probe/<application id>`, and beside each what came of it.

`.../probing/<id>` holds the session that was launched last and the last result. By the session the next prober knows
what its predecessor left when it died: it alone is ended, for any other session of the user may be somebody's at work.

`.../probe-claim/<id>` stands while one is made, on a lease that outlasts every visit: no broker makes a probe that
another may still be at, not even one that lost the job and does not know it yet.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from broker.grid.grid import GridError
from broker.grid.scopes import Condition, Stores
from broker.probes.result import Probe, Result
from broker.repositories.committing import commit
from broker.snapshot import Snapshot

log = logging.getLogger(__name__)

KINDS = ("probe", "probing", "probe-claim")
CLAIM_SECONDS = 240
"""More than any visit takes."""


@dataclass(frozen=True, slots=True)
class ProbeClaim:
    """The right to make this probe now. `revision` is the record's create revision, `lease` the one that it is on."""

    tenant_id: str
    application_id: str
    revision: int
    lease: int


class Probes:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def all(self) -> Iterator[tuple[str, Probe]]:
        """Of every tenant, with its id."""
        for tenant in self._snapshot.tenants():
            for probe in self.list(tenant.path[1]):
                yield tenant.path[1], probe

    def list(self, tenant_id: str) -> list[Probe]:
        return [
            Probe.from_json(record.path[1], record.value)
            for record in self._snapshot.list(tenant_id, "probe")
        ]

    def get(self, tenant_id: str, application_id: str) -> Probe | None:
        record = self._snapshot.get(tenant_id, ("probe", application_id))
        return None if record is None else Probe.from_json(application_id, record.value)

    async def put(self, tenant_id: str, probe: Probe, author: str) -> int:
        """Answers with the grid's revision."""
        store = await self._stores.tenant(tenant_id)
        put = store.put(("probe", probe.application_id), probe.to_json(), author=author)
        return (await commit(self._stores, put)).revision

    async def delete(self, tenant_id: str, application_id: str, author: str) -> int:
        """Answers with the grid's revision."""
        store = await self._stores.tenant(tenant_id)
        deletes = [store.delete((kind, application_id), author=author) for kind in KINDS]
        return (await commit(self._stores, *deletes)).revision

    def under_way(self, tenant_id: str, application_id: str) -> str:
        """The id of the session that a probe launched last; empty: none is known."""
        return str(self._probing(tenant_id, application_id).get("session", ""))

    def result(self, tenant_id: str, application_id: str) -> Result | None:
        """The last one, whichever broker made it."""
        said = self._probing(tenant_id, application_id).get("result")
        if said is None:
            return None
        try:
            return Result.from_json(said)
        except (KeyError, TypeError, ValueError, AttributeError):
            log.warning("the result of a probe cannot be read")
            return None

    async def claim(
        self, tenant_id: str, application_id: str, broker_id: str, fence: Condition
    ) -> ProbeClaim | None:
        """None where somebody else may be at it, or makes the probes now. Raises GridError."""
        path = ("probe-claim", application_id)
        if self._snapshot.get(tenant_id, path) is not None:
            return None
        store = await self._stores.tenant(tenant_id)
        lease = (await self._stores.grid.lease(CLAIM_SECONDS)).id
        value = {"broker": broker_id, "nonce": secrets.token_hex(8)}
        put = store.put(path, value, lease=lease)
        await commit(self._stores, put, conditions=[store.absent(path), fence])
        record = await store.get(path)
        if record is None or record.value != value:  # its own also where the outcome was unknown at first
            await self._stores.grid.revoke(lease)
            return None
        return ProbeClaim(tenant_id, application_id, record.create_revision, lease)

    async def note(self, claim: ProbeClaim, session: str) -> None:
        await self._put_probing(claim, {"session": session})

    async def finish(self, claim: ProbeClaim, result: Result) -> None:
        """Keep what came of it and let go of the claim. A claim that ran out says nothing any more."""
        await self._put_probing(claim, {"result": result.to_json()}, done=True)
        await self.let_go(claim)

    async def let_go(self, claim: ProbeClaim) -> None:
        """Without a grid it runs out."""
        with contextlib.suppress(GridError):
            await self._stores.grid.revoke(claim.lease)

    async def _put_probing(self, claim: ProbeClaim, news: dict[str, Any], *, done: bool = False) -> None:
        store = await self._stores.tenant(claim.tenant_id)
        known = self._probing(claim.tenant_id, claim.application_id)
        path = ("probe-claim", claim.application_id)
        operations = [store.put(("probing", claim.application_id), {**known, **news})]
        operations += [store.delete(path)] if done else []
        mine = store.created_at(path, claim.revision)
        there = store.present(("probe", claim.application_id))
        result = await commit(self._stores, *operations, conditions=[mine, there])
        await self._snapshot.until(result.revision)

    def _probing(self, tenant_id: str, application_id: str) -> dict[str, Any]:
        record = self._snapshot.get(tenant_id, ("probing", application_id))
        return {} if record is None else dict(record.value)
