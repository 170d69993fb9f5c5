"""Gateways and their liveness: the record is configuration, the live record is bound to a lease of 15 s."""

from __future__ import annotations

from collections.abc import Sequence

from broker.grid.grid import LeaseGone
from broker.grid.scopes import Stores
from broker.repositories.committing import commit
from broker.repositories.host_names import HostNames
from broker.snapshot import Snapshot
from portcullis.model.host import Gateway

LEASE_SECONDS = 15


class Gateways:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def get(self, gateway_id: str) -> Gateway | None:
        record = self._snapshot.get("site", ("gateway", gateway_id))
        return Gateway.from_json(record.value) if record else None

    def list(self) -> list[Gateway]:
        return [Gateway.from_json(record.value) for record in self._snapshot.list("site", "gateway")]

    def public_origins(self) -> frozenset[str]:
        """Where browsers reach the site, and from where alone changes come: the listed origins and the tenants' own."""
        listed = self.listed_origins()
        return listed.union(self._snapshot.index(HostNames).origins(listed))

    def tenant_origins(self) -> tuple[str, ...]:
        """Those of tenants' own host names: no page of another tenant is told of them."""
        listed = self.listed_origins()
        return tuple(one for one in self._snapshot.index(HostNames).origins(listed) if one not in listed)

    def listed_origins(self) -> frozenset[str]:
        """The site's own origins and those of its gateways: every page names them."""
        site = self._snapshot.get("site", ("meta",))
        own = site.value["public_origins"] if site else ()
        return frozenset(own) | {gateway.public_origin for gateway in self.list() if not gateway.revoked}

    def serving(self) -> Sequence[Gateway]:
        """Those that browsers and agents are sent to, by name: live, and not draining."""
        found = (gateway for gateway in self.list() if not gateway.revoked and not gateway.draining)
        return sorted((gateway for gateway in found if self.is_live(gateway.id)), key=lambda one: one.name)

    def serving_origins(self) -> tuple[str, ...]:
        """One name may stand for several of them."""
        return tuple(dict.fromkeys(gateway.public_origin for gateway in self.serving()))

    def is_live(self, gateway_id: str) -> bool:
        return self._snapshot.get("site", live_path(gateway_id)) is not None

    async def mark_live(self, gateway_id: str) -> None:
        """Live for 15 s from now. The lease is carried on while it lasts. Raises Unavailable, GridUnavailable."""
        path = live_path(gateway_id)
        record = self._snapshot.get("site", path) or await self._stores.site.get(path)
        if record is not None:
            try:
                await self._stores.grid.keep_alive(record.lease)
            except LeaseGone:
                pass  # it was away for longer: it comes back below
            else:
                return
        lease = (await self._stores.grid.lease(LEASE_SECONDS)).id
        put = self._stores.site.put(path, {"seen": self._stores.clock.now()}, lease=lease)
        result = await commit(self._stores, put)
        await self._snapshot.until(result.revision)

    async def mark_gone(self, gateway_id: str) -> None:
        """It said so. Raises Unavailable, GridUnavailable."""
        result = await commit(self._stores, self._stores.site.delete(live_path(gateway_id)))
        await self._snapshot.until(result.revision)


def live_path(gateway_id: str) -> tuple[str, ...]:
    return ("live", "gateway", gateway_id)
