"""What all live brokers recorded, as one: a search asks each of them, and so do the counts of the first screen.

Bodies between brokers are JSON under zlib: a page of launches with their traces is large. A broker that does not
answer, or is of a version without an audit, is named in the answer; copies of its events are with others.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from broker.audit import tally
from broker.audit.audit import Audit
from broker.audit.query import Page, Query, merge
from broker.audit.tally import Key
from portcullis.clock import Clock
from portcullis.errors import ProtocolError
from portcullis.tasks import cancel_and_wait, spawn

SEARCH_PATH = "/inner/v1/audit/search"
COUNTS_PATH = "/inner/v1/audit/counts"
MAXIMUM_BYTES = 64 * 1024 * 1024
MAXIMUM_PACKED_BYTES = 900 * 1024
"""Of what one broker says or sends to another at once (`PeerExchange`, the inner listener)."""
FIRST_SECONDS = 0.5
"""Whoever looks first waits so long for the others' counts; later ones have those of before."""
COUNTED_EVERY_SECONDS = 10.0

Post = Callable[[str, str, bytes], Awaitable[bytes | None]]
"""Broker id, path, body: the answer; None when that broker does not answer."""
Others = Callable[[], Mapping[str, str]]
"""The other live brokers: names by ids."""


class AuditEverywhere:
    def __init__(self, audit: Audit, others: Others, post: Post, clock: Clock) -> None:
        self._audit = audit
        self._others = others
        self._post = post
        self._clock = clock
        self._theirs: dict[str, dict[str, Counter[Key]]] = {}
        self._counted = float("-inf")
        self._counting: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        await cancel_and_wait(self._counting)

    async def search(self, query: Query) -> Page:
        """Raises Unavailable("audit_unavailable") when not even this broker can search."""
        others, body = self._others(), pack(query.to_json())
        own, theirs = await asyncio.gather(
            self._audit.search(query), asyncio.gather(*(self._ask(broker_id, body) for broker_id in others))
        )
        missing = [name for name, page in zip(others.values(), theirs, strict=True) if page is None]
        return merge([own, *(page for page in theirs if page is not None)], query.limit, missing)

    async def answer_search(self, body: bytes) -> bytes:
        """To another broker. Raises ProtocolError, Unavailable."""
        try:
            query = Query.from_json(unpack(body))
        except (TypeError, ValueError, AttributeError) as exc:
            raise ProtocolError("the search cannot be read") from exc
        while True:
            packed = pack((await self._audit.search(query)).to_json())
            if len(packed) <= MAXIMUM_PACKED_BYTES or query.limit == 1:
                return packed
            query = replace(query, limit=query.limit // 2)  # a shorter page says where it goes on

    async def counts(self, tenant_id: str | None) -> Counter[tuple[int, str, str]]:
        """How often what happened in the last day, by bucket, type and code; others' counts are 10 s old at most, and
        what a broker that is gone had counted is known by its copies.
        """
        if self._clock.monotonic() - self._counted > COUNTED_EVERY_SECONDS:
            is_first = self._counting is None
            self._counted = self._clock.monotonic()
            self._counting = spawn(self._count(), name="audit counts")
            if is_first:
                await asyncio.wait({self._counting}, timeout=FIRST_SECONDS)
        found: Counter[tuple[int, str, str]] = Counter()
        newest = tally.bucket_of(self._clock.now())
        for counts in self._by_store().values():
            for (tenant, bucket, kind, code), number in counts.items():
                if tenant == tenant_id and newest - tally.BUCKETS < bucket <= newest:
                    found[bucket, kind, code] += number
        return found

    def answer_counts(self) -> bytes:
        return pack({"store": self._audit.store_id, "counts": tally.to_json(self._audit.tally.of_stores())})

    async def _count(self) -> None:
        others = list(self._others())
        said = await asyncio.gather(*(self._post(broker_id, COUNTS_PATH, b"") for broker_id in others))
        theirs: dict[str, dict[str, Counter[Key]]] = {}
        for body in said:
            if body is not None:
                try:
                    value = unpack(body)
                    theirs[str(value["store"])] = tally.from_json(value["counts"])
                except (ProtocolError, KeyError, TypeError, ValueError, AttributeError):
                    continue  # of another version: it is as if it did not answer
        self._theirs = theirs

    def _by_store(self) -> dict[str, Counter[Key]]:
        """Of each store what it says of itself; of one that says nothing, the most that anybody has copies of."""
        own = self._audit.tally.of_stores()
        every = {self._audit.store_id: own, **self._theirs}
        found: dict[str, Counter[Key]] = {}
        for counts in every.values():
            for origin, each in counts.items():
                if origin not in found or each.total() > found[origin].total():
                    found[origin] = each
        return found | {store: counts[store] for store, counts in every.items() if store in counts}

    async def _ask(self, broker_id: str, body: bytes) -> Page | None:
        said = await self._post(broker_id, SEARCH_PATH, body)
        if said is None:
            return None
        try:
            return Page.from_json(unpack(said))
        except (ProtocolError, KeyError, TypeError, ValueError, AttributeError):
            return None


def pack(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


def unpack(body: bytes) -> Any:
    """Raises ProtocolError."""
    expanding = zlib.decompressobj()
    try:
        raw = expanding.decompress(body, MAXIMUM_BYTES)
        if expanding.unconsumed_tail or not expanding.eof:
            raise ProtocolError("a body that is cut off or too large")
        return json.loads(raw)
    except (zlib.error, ValueError, RecursionError) as exc:
        raise ProtocolError("a body that cannot be read") from exc
