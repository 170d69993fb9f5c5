"""Acts on sessions, asked over whichever broker holds the control channel of the session's host.

`HostActs` is this broker's: it asks a host whose channel is here, and the broker of any other. A host that does not
answer in time counts as away.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from broker.hosts.pending import PendingQuestions, Silence
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

AskPeer = Callable[[str, str, bytes], Awaitable[bytes | None]]
"""Broker id, path, body: the answer; None when that broker does not answer, or does not know the path."""


def pending_acts() -> PendingQuestions[Acted]:
    """One channel's."""
    return PendingQuestions(FEATURE, ANSWER_SECONDS, _silent)


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


def _silent(act_id: str, silence: Silence) -> Acted:
    return Acted(act_id, "older" if silence is Silence.OLDER else "away")
