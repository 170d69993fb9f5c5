"""Which change concerns which host: one look at each change instead of one by every control channel.

A site has a thousand channels, and a launch makes a dozen changes.
"""

from __future__ import annotations

from collections.abc import Callable

from broker.gateways.directory import GatewayDirectory
from broker.snapshot import Change, Snapshot

Concerned = Callable[[Change], None]

_OF_ONE_HOST = frozenset({"slot", "host", "ended"})


class HostChanges:
    def __init__(self, snapshot: Snapshot) -> None:
        self._watching: dict[str, dict[object, Concerned]] = {}
        snapshot.subscribe(self._changed)

    def watch(self, host_id: str, concerned: Concerned) -> Callable[[], None]:
        """Call `concerned` with what concerns the host, or everybody, until the function returned here is called."""
        handle = object()
        self._watching.setdefault(host_id, {})[handle] = concerned

        def stop() -> None:
            watching = self._watching.get(host_id, {})
            watching.pop(handle, None)
            if not watching:
                self._watching.pop(host_id, None)

        return stop

    def _changed(self, change: Change) -> None:
        if GatewayDirectory.is_touched_by(change):
            concerned = [one for watching in self._watching.values() for one in watching.values()]
        else:
            host_id = _host_of(change)
            concerned = list(self._watching.get(host_id, {}).values()) if host_id else []
        for call in concerned:
            call(change)


def _host_of(change: Change) -> str | None:
    if change.path[0] == "session":
        record = change.record or change.previous
        return None if record is None else str(record.value["host_id"])
    if change.scope != "site":
        return None
    if change.path[:2] == ("live", "host"):
        return change.path[2]
    return change.path[1] if change.path[0] in _OF_ONE_HOST else None
