"""Opens and seals the values of a grid that lies in memory, whosever they are: with the site key, all of them.

`scopes.Stores` is the way to records of a living grid. Here values are opened of a file, or moved from under one key to
another, so the keys are told apart by scope and there may be several to try.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from broker.grid import keys
from broker.grid.grid import KeyValue
from broker.grid.scopes import is_data_key, tenant_seal
from broker.grid.seal import Seal, SealBroken, SiteKey


class Vault:
    """The seals of a site: its own, and one a tenant."""

    def __init__(self, site: Seal, tenants: Mapping[str, Seal]) -> None:
        self.site = site
        self._tenants = tenants

    @classmethod
    def of(cls, site_key: SiteKey, items: Iterable[KeyValue]) -> Vault:
        """`items` hold the data keys. Raises SealBroken."""
        site, tenants = site_seal(site_key), {}
        for item in items:
            if is_data_key(item.key):
                value = json.loads(site.open(item.key, item.value))
                tenants[item.key.rpartition("/")[2]] = tenant_seal(value)
        return cls(site, tenants)

    def open(self, item: KeyValue) -> dict[str, Any]:
        """Raises SealBroken, also for a key that no scope wrote."""
        value = json.loads(self.seal_of(item.key).open(item.key, item.value))
        if not isinstance(value, dict):
            raise SealBroken(f"the value of {item.key} is no record")
        return value

    def seal_of(self, key: str) -> Seal:
        place = keys.parse(key)
        seal = None if place is None else self.site if place[0] == keys.SITE else self._tenants.get(place[0])
        if seal is None:
            raise SealBroken(f"{key} is of a tenant without a data key")
        return seal


def site_seal(site_key: SiteKey) -> Seal:
    return Seal(site_key.derive("site"))


def meta_of(items: Iterable[KeyValue], seal: Seal) -> dict[str, Any] | None:
    """The site's own record, if there is one. Raises SealBroken."""
    key = keys.key(keys.SITE, ("meta",))
    item = next((item for item in items if item.key == key), None)
    if item is None:
        return None
    value: dict[str, Any] = json.loads(seal.open(key, item.value))
    return value
