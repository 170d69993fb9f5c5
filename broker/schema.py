"""The schema of a site's records: written at `init`, checked at every start, brought up to date step by step.

This is what the records mean; the version of the embedded grid's file is its own (grid/disk.py). A step commits what it
changes together with the new number, unless somebody else changed the site record meanwhile: several brokers may start
at once.

A grid that is no site for the moment is refused here as well: one that the site was moved away from, and one that is
being filled or sealed anew (broker/backup/).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from broker.grid.scopes import SealedOperation, Stores
from portcullis.errors import Unavailable
from portcullis.model.tenant import KNOWN_SCHEMA, SCHEMA_VERSION, Site

log = logging.getLogger(__name__)

Step = Callable[[Stores], Awaitable[Sequence[SealedOperation]]]

STEPS: Mapping[int, Step] = {}
"""Schema version -> what has to be written to make the next one of it. More than one transaction holds, a step commits
by itself before, so that it may be run again."""


MARKED_SCHEMA = 1_000_000
"""Of a site record that bears a mark (`moved`, `resealing`): versions that know no marks refuse it as too new."""


async def check_settled(stores: Stores) -> None:
    """Raises Unavailable: site_moved, site_incomplete; GridError. A grid without anything is settled."""
    record = await stores.site.get(("meta",))
    if record is not None and "moved" in record.value:
        raise Unavailable("site_moved", moved_message(record.value["moved"]))
    if record is not None and "resealing" in record.value:
        raise Unavailable(
            "site_incomplete", "A change of keys was interrupted: run `portcullis-broker rotate-keys` again."
        )
    if record is None and await stores.site.get(("arriving",)) is not None:
        raise Unavailable(
            "site_incomplete",
            "A restore or a move into this grid was interrupted: run the same command again.",
        )


def moved_message(moved: dict[str, Any]) -> str:
    """For who meets a grid that the site was moved away from."""
    if not moved.get("done"):
        return (
            f"The site is being moved to {moved['to']}: run the same `portcullis-broker migrate` again, which goes on, "
            "or `portcullis-broker migrate --cancel`, which leaves the site here."
        )
    return (
        f"The site was moved to {moved['to']}: start brokers with `--grid {moved['to']}`. The way back is "
        f"`portcullis-broker migrate --from {moved['to']} --to ...`; if no broker ever ran there, `migrate --cancel`."
    )


def check_known(site: Site) -> None:
    """Raises Unavailable("site_too_new")."""
    if site.schema > max(KNOWN_SCHEMA, SCHEMA_VERSION):
        raise Unavailable(
            "site_too_new",
            f"The site's records have schema {site.schema}, this program knows {KNOWN_SCHEMA}: use a newer one.",
        )


async def bring_up_to_date(stores: Stores) -> None:
    """Raises Unavailable: site_too_new, and as `check_settled`; GridError. Without a site there is nothing to do."""
    await check_settled(stores)
    while (record := await stores.site.get(("meta",))) is not None:
        site = Site.from_json(record.value)
        check_known(site)
        if site.schema >= SCHEMA_VERSION:
            return
        operations = await STEPS[site.schema](stores)
        newer = replace(site, schema=site.schema + 1)
        unchanged = stores.site.unchanged(record)
        done = await stores.commit(
            *operations,
            stores.site.put(("meta",), {**record.value, **newer.to_json()}),
            conditions=[unchanged],
        )
        if done.succeeded:
            log.info("the site's records were brought to schema %d", newer.schema)
