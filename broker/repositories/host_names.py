"""Under which names browsers reach a tenant: its host names, on the site's own schemes and ports.

Such an origin is one of the site, and still a secret of its tenant: no page, policy or list of another one names it.
`HostNames` is kept up with the snapshot, for every request asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from broker.snapshot import Change, Snapshot

_OWN_PORTS = {"http": 80, "https": 443}


def origins_of(host_names: Iterable[str], public_origins: Iterable[str]) -> tuple[str, ...]:
    """On each scheme and port that the site is reached by. Plain http is for this machine alone."""
    places = {(parts.scheme, parts.port) for parts in map(urlsplit, public_origins)}
    found = {
        _origin(scheme, name, port)
        for name in host_names
        for scheme, port in places
        if scheme == "https" or is_local(name)
    }
    return tuple(sorted(found))


def is_local(host_name: str) -> bool:
    """Whether it leads to the machine of whoever asks, whatever a resolver says (RFC 6761, 6.3)."""
    return host_name == "localhost" or host_name.endswith(".localhost")


def host_name_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""


def _origin(scheme: str, name: str, port: int | None) -> str:
    own = port is None or port == _OWN_PORTS[scheme]
    return f"{scheme}://{name}" if own else f"{scheme}://{name}:{port}"


class HostNames:
    """An index over the snapshot (`Snapshot.index`)."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._tenants: dict[str, str] = {}  # host name -> tenant id
        self._origins: dict[tuple[str, ...], tuple[str, ...]] = {}
        for record in snapshot.tenants():
            self._add(record.path[1], record.value)
        snapshot.subscribe(self._changed)

    def tenant_of(self, host_name: str) -> str | None:
        return self._tenants.get(host_name)

    def origins(self, public_origins: Iterable[str]) -> tuple[str, ...]:
        """Of all tenants, given the site's."""
        places = tuple(sorted(public_origins))
        if places not in self._origins:
            self._origins = {places: origins_of(self._tenants, places)}
        return self._origins[places]

    def _changed(self, change: Change) -> None:
        if change.scope != "site" or change.path[0] != "tenant":
            return
        tenant_id = change.path[1]
        self._tenants = {name: owner for name, owner in self._tenants.items() if owner != tenant_id}
        if change.record is not None:
            self._add(tenant_id, change.record.value)
        self._origins = {}

    def _add(self, tenant_id: str, value: dict[str, object]) -> None:
        names = value.get("host_names", ())
        if not value.get("leaving") and isinstance(names, list):
            self._tenants.update(dict.fromkeys(map(str, names), tenant_id))
