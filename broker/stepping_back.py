"""Keeps brokers of the release before (0.1.0) from serving a site whose rules they do not know: one broker's job.

They would let everybody in whom a policy, a quota or a suspension keeps out, and take what is asked of an entered
tenant for their caller's own. So the site's record has the schema RULES_SCHEMA, which they refuse at their start as too
new, for as long as there is such a rule; with the last one gone the step back is open again.
"""

from __future__ import annotations

import logging

from broker.grid.scopes import Condition, Stores
from broker.repositories.committing import commit
from broker.repositories.keys import CA, NEXT_CA
from broker.repositories.tenants import Tenants
from broker.schema import MARKED_SCHEMA
from broker.snapshot import Snapshot
from broker.tenants import data_keys
from portcullis.model.tenant import RULES_SCHEMA, SCHEMA_VERSION, Quotas

log = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0


class SteppingBack:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._tenants = Tenants(snapshot)

    async def round(self, fence: Condition) -> None:
        record = self._snapshot.get("site", ("meta",))
        wanted = RULES_SCHEMA if self.has_rules() else SCHEMA_VERSION
        known = None if record is None else record.value.get("schema", SCHEMA_VERSION)
        if record is None or known is None or known == wanted or known >= MARKED_SCHEMA:
            return
        put = self._stores.site.put(("meta",), {**record.value, "schema": wanted})
        conditions = [fence, self._stores.site.unchanged(record)]
        if (await commit(self._stores, put, conditions=conditions)).succeeded:
            log.info("the site has schema %d: a step back to 0.1.0 is %s", wanted, _open(wanted))

    def has_rules(self) -> bool:
        """Such that a broker of before would not enforce them, or keys that it would not know."""
        tenants = self._snapshot.tenants()
        if len(tenants) > 1 or self._keys_change():
            return True
        found = (self._tenants.get(tenant.path[1]) for tenant in tenants)
        return any(
            each is None
            or not each.is_open
            or each.quotas != Quotas()
            or self._snapshot.count(each.id, "policy") > 0
            for each in found
        )

    def _keys_change(self) -> bool:
        cas = self._snapshot.count("site", *CA) + self._snapshot.count("site", *NEXT_CA)
        return cas > 1 or data_keys.look(self._snapshot) is not None


def _open(schema: int) -> str:
    return "open" if schema == SCHEMA_VERSION else "closed"
