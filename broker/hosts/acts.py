"""Acts on sessions, asked over whichever broker holds the control channel of the session's host.

`PendingActs` is one channel's: it pairs answers with questions. `HostActs` is this broker's: it asks a host whose
channel is here, and the broker of any other. A host that does not answer in time counts as away.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from broker.hosts.registry import ChannelRegistry
from broker.repositories.hosts import live_path
from broker.snapshot import Snapshot
from portcullis.errors import ProtocolError
from portcullis.logs import ids
from portcullis.protocol.acts import ANSWER_SECONDS, FEATURE, Act, Acted, read_act, read_acted
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

PATH = "/inner/v1/act"
MAXIMUM_BYTES = 1 << 20
MAXIMUM_PENDING = 16
"""Of one host."""

AskPeer = Callable[[str, str, bytes], Awaitable[bytes | None]]
"""Broker id, path, body: the answer; None when that broker does not answer, or does not know the path."""


class PendingActs:
    def __init__(self) -> None:
        self._pending: dict[str, asyncio.Future[Acted]] = {}
        self.features: frozenset[str] = frozenset()
        """What the host's agent said in its hello."""

    async def ask(self, act: Act, send: Callable[[Act], None]) -> Acted:
        if FEATURE not in self.features:
            return Acted(act.id, "older")
        if len(self._pending) >= MAXIMUM_PENDING:
            return Acted(act.id, "away")
        answered: asyncio.Future[Acted] = asyncio.get_running_loop().create_future()
        self._pending[act.id] = answered
        try:
            send(act)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answered
        except TimeoutError:
            return Acted(act.id, "away")
        finally:
            del self._pending[act.id]

    def take(self, answer: Acted) -> None:
        """One that nobody waits for any more is dropped."""
        pending = self._pending.get(answer.id)
        if pending is not None and not pending.done():
            pending.set_result(answer)

    def end(self) -> None:
        """The channel is over."""
        for act_id, pending in self._pending.items():
            if not pending.done():
                pending.set_result(Acted(act_id, "away"))


class HostActs:
    def __init__(
        self, snapshot: Snapshot, registry: ChannelRegistry, broker_id: str, ask_peer: AskPeer
    ) -> None:
        self._snapshot = snapshot
        self._registry = registry
        self._broker_id = broker_id
        self._ask_peer = ask_peer

    async def ask(self, host_id: str, act: Act) -> Acted:
        channel = self._registry.get(host_id)
        if channel is not None:
            return await channel.act(act)
        live = self._snapshot.get("site", live_path(host_id))
        broker_id = str(live.value["broker_id"]) if live else self._broker_id
        if broker_id == self._broker_id:
            return Acted(act.id, "away")  # there is none, or it ended a moment ago
        body = json.dumps({"host": host_id, "act": act.to_json()}).encode()
        said = await self._ask_peer(broker_id, PATH, body)
        if said is None:
            return Acted(act.id, "away")
        try:
            return replace(read_acted(Fields.parse(said, MAXIMUM_BYTES)), id=act.id)
        except ProtocolError as exc:
            log.warning("a broker's answer cannot be read: %s", exc, extra=ids(broker=broker_id))
            return Acted(act.id, "away")

    async def answer(self, body: bytes) -> bytes:
        """To another broker, about a host whose channel is here. Raises ProtocolError."""
        fields = Fields.parse(body, MAXIMUM_BYTES)
        host_id, act = fields.id("host"), read_act(fields.inner("act"))
        if act is None:
            raise ProtocolError("an act of a later version")
        channel = self._registry.get(host_id)
        said = Acted(act.id, "away") if channel is None else await channel.act(act)
        return json.dumps(said.to_json()).encode()
