"""What agents and gateways are told about the site: grant keys, live gateways, live brokers.

A gateway calls every 5 s and counts as live for 15 s after its last call.
"""

from __future__ import annotations

from broker.repositories.gateways import Gateways
from broker.repositories.keys import GrantKeys
from broker.snapshot import Change
from portcullis.protocol.channel import Directory, GatewayEntry


class GatewayDirectory:
    def __init__(self, gateways: Gateways, keys: GrantKeys) -> None:
        self._gateways = gateways
        self._keys = keys

    async def seen(self, gateway_id: str) -> None:
        """The gateway called a moment ago. Raises Unavailable, GridError."""
        await self._gateways.mark_live(gateway_id)

    def for_agents(self) -> Directory:
        entries = [
            GatewayEntry(gateway.name, gateway.address)
            for gateway in self._gateways.list()
            if not gateway.revoked and self._gateways.is_live(gateway.id)
        ]
        ordered = tuple(sorted(entries, key=lambda entry: entry.name))
        return Directory(self._keys.verifying(), ordered)

    @staticmethod
    def is_touched_by(change: Change) -> bool:
        """Whether the change may have changed the directory."""
        return change.scope == "site" and (
            change.path[0] in ("gateway", "key") or change.path[:2] == ("live", "gateway")
        )
