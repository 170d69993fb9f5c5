"""What agents and gateways are told about the site: grant keys, live gateways, live brokers, public names.

A gateway counts as live while one of its channels stands, and for 15 s after. An older one calls every 5 s instead. One
that drains is in no list: agents hold no link to it, browsers are not sent there.
"""

from __future__ import annotations

from broker.live_brokers import LiveBrokers
from broker.repositories.gateways import Gateways
from broker.repositories.keys import CaKeys, GrantKeys
from broker.snapshot import Change, Snapshot
from portcullis.protocol.directory import Directory, GatewayEntry
from portcullis.protocol.gateway_channel import Site


class GatewayDirectory:
    def __init__(self, gateways: Gateways, keys: GrantKeys, snapshot: Snapshot) -> None:
        self._gateways = gateways
        self._keys = keys
        self._brokers = LiveBrokers(snapshot)
        self._authorities = CaKeys(snapshot)

    async def seen(self, gateway_id: str) -> None:
        """The gateway is there at this moment. Raises Unavailable, GridError."""
        await self._gateways.mark_live(gateway_id)

    async def left(self, gateway_id: str) -> None:
        """The gateway stops. Raises Unavailable, GridError."""
        await self._gateways.mark_gone(gateway_id)

    def knows(self, gateway_id: str) -> bool:
        gateway = self._gateways.get(gateway_id)
        return gateway is not None and not gateway.revoked

    def for_agents(self) -> Directory:
        entries = tuple(GatewayEntry(gateway.name, gateway.address) for gateway in self._gateways.serving())
        brokers = tuple(self._brokers.addresses())
        return Directory(self._keys.verifying(), entries, brokers, self._authorities.pins())

    def for_gateway(self, gateway_id: str, broker_id: str) -> Site:
        """Its `time` is 0: whoever sends it sets it."""
        gateway = self._gateways.get(gateway_id)
        broker = self._brokers.get(broker_id)
        return Site(
            time=0,
            broker=broker_id,
            brokers=tuple(self._brokers.addresses()),
            grant_keys=self._keys.verifying(),
            public_origins=tuple(sorted(self._gateways.listed_origins())),
            own_names=self._gateways.tenant_origins(),
            gateways=self._gateways.serving_origins(),
            draining=broker is not None and broker.draining,
            gateway_draining=gateway is not None and gateway.draining,
            authorities=self._authorities.pins(),
        )

    @staticmethod
    def is_touched_by(change: Change) -> bool:
        """Whether the change may have changed what agents are told."""
        return change.scope == "site" and (
            change.path[0] in ("gateway", "key")
            or change.path[:2] == ("live", "gateway")
            or LiveBrokers.is_touched_by(change)
        )

    @staticmethod
    def concerns_gateways(change: Change) -> bool:
        """Whether the change may have changed what gateways are told."""
        meta = change.scope == "site" and (change.path == ("meta",) or change.path[0] == "tenant")
        return meta or GatewayDirectory.is_touched_by(change)
