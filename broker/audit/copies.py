"""Copies of this broker's events at up to two others, so that they are found when it is lost for good.

Which two follows from the names of the brokers that live, and stays while they do. Each is asked how far its copies
reach, and gets what is behind that, in order and without gaps. Copies follow within a second or so: an
event is answered for when it is durable here. One task runs from `start` to `stop`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from broker.audit.audit import Audit
from broker.audit.event import Event, is_event_id
from broker.audit.everywhere import MAXIMUM_PACKED_BYTES, Others, Post, pack, unpack
from broker.audit.store import Numbered
from portcullis.errors import ProtocolError, Unavailable
from portcullis.ids import is_id
from portcullis.logs import ids
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

PATH = "/inner/v1/audit/copy"
HOLDERS = 2
AT_ONCE = 200
GATHERED_SECONDS = 0.5
LOOK_SECONDS = 10.0
"""Without a new event: who lives may have changed."""


class Copies:
    def __init__(self, audit: Audit, others: Others, post: Post) -> None:
        self._audit = audit
        self._others = others
        self._post = post
        self._store = ""
        self._reached: dict[str, int] = {}
        """Of this store, by broker id, as it said itself."""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._audit.subscribe(lambda _: self._news.set())
        self._task = spawn(self._run(), name="audit copies")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)

    async def ship(self) -> None:
        """Bring the copies of both holders up to date, as far as they answer."""
        store = self._audit.store_id
        chosen = holders(store, self._others())
        known = self._reached if store == self._store else {}  # a damaged one was set aside meanwhile
        self._store, self._reached = store, {each: known[each] for each in chosen if each in known}
        await asyncio.gather(*(self._ship_to(broker_id) for broker_id in chosen))

    async def answer(self, body: bytes) -> bytes:
        """To a broker that sends copies, and asks by that how far they reach. Raises ProtocolError, Unavailable."""
        origin, events = _parse(unpack(body))
        if events:
            await self._audit.copy(events)
        return pack({"reached": await self._audit.read(lambda store: store.reached(origin))})

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
                await asyncio.sleep(GATHERED_SECONDS)
            except TimeoutError:
                pass
            self._news.clear()
            try:
                await self.ship()
            except Unavailable as exc:
                log.warning("the audit is not copied now: %s", exc)

    async def _ship_to(self, broker_id: str) -> None:
        while True:
            reached = self._reached.get(broker_id)
            events: Sequence[Numbered] = ()
            if reached is not None:
                events = await self._audit.since(reached, AT_ONCE)
                if not events:
                    return
            now = await self._send(broker_id, events)
            if now is None or (reached is not None and now <= reached):
                return  # it looks again later
            self._reached[broker_id] = now

    async def _send(self, broker_id: str, events: Sequence[Numbered]) -> int | None:
        body = self._packed(events)
        while len(body) > MAXIMUM_PACKED_BYTES and len(events) > 1:
            events = events[: len(events) // 2]
            body = self._packed(events)
        said = await self._post(broker_id, PATH, body)
        if said is None:
            self._reached.pop(broker_id, None)
            return None
        try:
            return int(unpack(said)["reached"])
        except (ProtocolError, KeyError, TypeError, ValueError) as exc:
            log.warning("a broker's answer cannot be read: %s", exc, extra=ids(broker=broker_id))
            return None

    def _packed(self, events: Sequence[Numbered]) -> bytes:
        rows = [[numbered.number, numbered.event.to_json()] for numbered in events]
        return pack({"origin": self._store, "events": rows})


def holders(store: str, others: Mapping[str, str]) -> list[str]:
    """Ids of those that keep copies of this store: each store has a pair of its own, which changes little when brokers
    come and go.
    """
    return sorted(others, key=lambda broker_id: _weight(store, others[broker_id]))[:HOLDERS]


def _weight(store: str, name: str) -> bytes:
    return hashlib.sha256(f"{store}/{name}".encode()).digest()


def _parse(value: Any) -> tuple[str, list[Numbered]]:
    """Raises ProtocolError."""
    try:
        origin = value["origin"]
        events = [Numbered(origin, int(number), Event.from_json(event)) for number, event in value["events"]]
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ProtocolError("copies that cannot be read") from exc
    if not isinstance(origin, str) or not is_id(origin) or not all(is_event_id(e.event.id) for e in events):
        raise ProtocolError("copies that cannot be read")
    return origin, events
