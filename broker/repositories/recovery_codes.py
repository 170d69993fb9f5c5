"""The recovery codes of a user that are left, by their hashes, in one record: each is taken out once.

A code that was used leaves a record of its own, which stands in the snapshot: every broker sees it and writes it into
its journal, so that a restore does not make the code good again.
"""

from __future__ import annotations

from collections.abc import Sequence

from broker.grid.scopes import Condition, Path, Scope, SealedOperation

USED = "used-code"


def path(user_id: str) -> Path:
    return ("recovery", user_id)


def codes_creation(store: Scope, user_id: str, hashes: Sequence[str]) -> SealedOperation:
    """These are the user's codes from now on; earlier ones are worth nothing."""
    return store.put(path(user_id), {"hashes": list(hashes)})


def codes_deletion(store: Scope, user_id: str) -> SealedOperation:
    return store.delete(path(user_id))


async def codes_renewal(
    store: Scope, user_id: str, hashes: Sequence[str]
) -> tuple[list[SealedOperation], Condition]:
    """These in place of those that are left, which count as used: a restore does not make them good again."""
    record = await store.get(path(user_id))
    left = [] if record is None else record.value["hashes"]
    used = [store.put((USED, each), {"user": user_id}) for each in left]
    unchanged = store.absent(path(user_id)) if record is None else store.unchanged(record)
    return [codes_creation(store, user_id, hashes), *used], unchanged


async def code_use(
    store: Scope, user_id: str, code_hash: str
) -> tuple[tuple[SealedOperation, ...], Condition, int] | None:
    """What takes the code out, for the transaction that it opens the way for, and how many are left then.

    None when it is not one of the user's.
    """
    record = await store.get(path(user_id))
    if record is None or code_hash not in record.value["hashes"]:
        return None
    left = [each for each in record.value["hashes"] if each != code_hash]
    used = store.put((USED, code_hash), {"user": user_id})
    return (store.put(record.path, {"hashes": left}), used), store.unchanged(record), len(left)
