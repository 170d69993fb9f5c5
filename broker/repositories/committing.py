"""Sending a transaction so that its outcome is known: the one way in which repositories write."""

from __future__ import annotations

from collections.abc import Sequence

from broker.grid.grid import GridUnavailable
from broker.grid.scopes import CommitResult, Condition, SealedOperation, Stores
from portcullis.errors import Unavailable


async def commit(
    stores: Stores, *operations: SealedOperation, conditions: Sequence[Condition] = ()
) -> CommitResult:
    """Commit; after an unknown outcome send the same transaction once more, where the store has not done so.

    A transaction that went through unseen may then fail its own conditions (if it only deletes, with any store):
    callers that must tell this from a lost race look for what they wrote. Raises Unavailable when the grid does not
    answer.
    """
    try:
        return await stores.commit(*operations, conditions=conditions)
    except GridUnavailable as exc:
        if exc.is_final:
            raise Unavailable() from exc
    try:
        return await stores.commit(*operations, conditions=conditions)
    except GridUnavailable as exc:
        raise Unavailable() from exc
