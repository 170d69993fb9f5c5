"""The brokers of the site, by their records: those that live, and those that were there lately.

A live record (`site/live/broker/<id>`) lasts as long as its broker's lease. A known record (`site/broker/<hash of the
name>`) stays for a day after a broker died, so that somebody is told of it; one that stops in order takes both along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot


@dataclass(frozen=True, slots=True)
class LiveBroker:
    id: str
    name: str
    address: str
    version: str = ""
    started: float = 0.0
    draining: bool = False
    changes_keys: bool = False
    """It knows of a second CA of the site; one of an older version does not."""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "address": self.address,
            "version": self.version,
            "started": self.started,
            "draining": self.draining,
            "changes_keys": self.changes_keys,
        }

    @classmethod
    def of(cls, record: Record) -> LiveBroker:
        """One of an older version has no name: its address is."""
        value = record.value
        return cls(
            record.path[-1],
            str(value.get("name") or value["address"]),
            str(value["address"]),
            str(value.get("version", "")),
            float(value.get("started", 0.0)),
            bool(value.get("draining", False)),
            bool(value.get("changes_keys", False)),
        )


@dataclass(frozen=True, slots=True)
class KnownBroker:
    """Of this name a broker served within the last day, and did not take its leave."""

    name: str
    address: str
    version: str


class LiveBrokers:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def live(self) -> list[LiveBroker]:
        found = map(LiveBroker.of, self._snapshot.list("site", "live", "broker"))
        return sorted(found, key=lambda broker: (broker.name, broker.id))

    def get(self, broker_id: str) -> LiveBroker | None:
        record = self._snapshot.get("site", live_path(broker_id))
        return LiveBroker.of(record) if record else None

    def known(self) -> list[KnownBroker]:
        found = [
            KnownBroker(str(r.value["name"]), str(r.value["address"]), str(r.value.get("version", "")))
            for r in self._snapshot.list("site", "broker")
        ]
        return sorted(found, key=lambda broker: broker.name)

    def addresses(self) -> list[str]:
        """Where machines may dial: brokers that drain are left out, unless there is no other."""
        brokers = self.live()
        serving = [broker for broker in brokers if not broker.draining]
        return sorted({broker.address for broker in serving or brokers})

    def others_serve(self, broker_id: str) -> bool:
        """Whether a broker that drains has somebody to send its callers to."""
        return any(not broker.draining for broker in self.live() if broker.id != broker_id)

    @staticmethod
    def is_touched_by(change: Change) -> bool:
        return change.scope == "site" and change.path[:2] == ("live", "broker")


def live_path(broker_id: str) -> tuple[str, ...]:
    return ("live", "broker", broker_id)
