"""The schema of a site's records: written at `init`, checked at every start, brought up to date step by step.

This is what the records mean; the version of the embedded grid's file is its own (grid/disk.py). A step commits what it
changes together with the new number, unless somebody else changed the site record meanwhile: several brokers may start
at once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from broker.grid.scopes import SealedOperation, Stores
from portcullis.errors import Unavailable
from portcullis.model.tenant import SCHEMA_VERSION, Site

log = logging.getLogger(__name__)

Step = Callable[[Stores], Awaitable[Sequence[SealedOperation]]]

STEPS: Mapping[int, Step] = {}
"""Schema version -> what has to be written to make the next one of it. More than one transaction holds, a step commits
by itself before, so that it may be run again."""


async def bring_up_to_date(stores: Stores) -> None:
    """Raises Unavailable("site_too_new"), GridError. Without a site there is nothing to do."""
    while (record := await stores.site.get(("meta",))) is not None:
        site = Site.from_json(record.value)
        if site.schema > SCHEMA_VERSION:
            raise Unavailable(
                "site_too_new",
                f"The site's records have schema {site.schema}, this program knows {SCHEMA_VERSION}: use a newer one.",
            )
        if site.schema == SCHEMA_VERSION:
            return
        operations = await STEPS[site.schema](stores)
        newer = replace(site, schema=site.schema + 1)
        unchanged = stores.site.unchanged(record)
        done = await stores.commit(
            *operations, stores.site.put(("meta",), newer.to_json()), conditions=[unchanged]
        )
        if done.succeeded:
            log.info("the site's records were brought to schema %d", newer.schema)
