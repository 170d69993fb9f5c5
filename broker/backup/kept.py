"""What of a grid goes into a backup: configuration, identities, sealed keys, history. Pure.

Left out is what belongs to the moment: whatever is bound to a lease (logins, tickets, join tokens, links, traces,
liveness), and sessions with their slots. Sessions live on their hosts: a restore ends none of them, and a record of one
that ended meanwhile would only keep a place taken.
"""

from __future__ import annotations

from collections.abc import Iterable

from broker.grid import keys
from broker.grid.grid import KeyValue

OF_THE_MOMENT = frozenset(
    {
        "session",
        "ended",
        "own",
        "slot",
        "live",
        "job",
        "drain",
        "login",
        "ticket",
        "nonce",
        "arriving",
        "probing",
        "probe-claim",
    }
)


def is_kept(item: KeyValue) -> bool:
    place = keys.parse(item.key)
    return place is not None and not item.lease and place[1][0] not in OF_THE_MOMENT


def kept(items: Iterable[KeyValue]) -> tuple[KeyValue, ...]:
    """In the order in which they were created: history is read in that order. What is left of a tenant whose data key
    was just destroyed opens nowhere any more: it is none of it.
    """
    found = [item for item in items if is_kept(item)]
    places = [keys.parse(item.key) for item in found]
    with_key = {
        place[1][2] for place in places if place and place[:1] == (keys.SITE,) and place[1][:2] == _DATA_KEY
    }
    living = [
        item
        for item, place in zip(found, places, strict=True)
        if place is not None and (place[0] == keys.SITE or place[0] in with_key)
    ]
    return tuple(sorted(living, key=lambda item: (item.create_revision, item.key)))


_DATA_KEY = ("key", "tenant")
