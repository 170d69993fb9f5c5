"""Letting go of the grid's past: one broker compacts, every five minutes, what is older than five to ten minutes.

Without it etcd keeps every value that was ever written until its database is full. A watch that was away for
longer takes a new snapshot. Compacting twice does no harm, so that the job's fence has nothing to guard here.
"""

from __future__ import annotations

import logging

from broker.grid.grid import Grid
from broker.grid.scopes import Condition
from broker.snapshot import Snapshot

log = logging.getLogger(__name__)

PERIOD_SECONDS = 300.0


class Compaction:
    def __init__(self, grid: Grid, snapshot: Snapshot) -> None:
        self._grid = grid
        self._snapshot = snapshot
        self._seen = 0

    async def round(self, fence: Condition) -> None:
        """Compact to where the site was a round ago. Raises GridError."""
        seen, self._seen = self._seen, self._snapshot.revision
        if 0 < seen < self._seen:
            await self._grid.compact(seen)
            log.debug("the grid's past was let go of up to revision %d", seen)
