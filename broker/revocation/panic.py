"""The transaction of a panic: the site's epoch goes up, and one new key takes the place of all that signed grants.

Both in one revision, so that no broker ever signs with the new key for a login of the old epoch: it sees them together.
"""

from __future__ import annotations

from broker.grid.scopes import Stores
from broker.pki.authority import new_grant_key
from broker.repositories.committing import commit
from portcullis.errors import Unavailable

ATTEMPTS = 8


async def raise_epoch(stores: Stores, kid: str, epoch: int, now: float) -> int:
    """From `epoch` to the next, with the new key `kid`; nothing where it is higher already. Answers with a revision of
    the grid by which it is so. Raises Unavailable, GridError.
    """
    site = stores.site
    for _ in range(ATTEMPTS):
        meta = await site.get(("meta",))
        if meta is None:
            raise Unavailable(message="There is no site in this grid.")
        if int(meta.value["epoch"]) > epoch:
            return meta.mod_revision
        old = await site.list("key", "grant")
        created = max([now, *(record.value["created"] + 0.001 for record in old)])
        fresh = {**new_grant_key(created), "kid": kid}
        result = await commit(
            stores,
            site.put(meta.path, {**meta.value, "epoch": epoch + 1}),
            site.put(("key", "grant", kid), fresh),
            *(site.delete(record.path) for record in old),
            conditions=[site.unchanged(meta), *(site.unchanged(record) for record in old)],
        )
        if result.succeeded:
            return result.revision
    raise Unavailable(message="The site's keys change too often to be replaced now.")
