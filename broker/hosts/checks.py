"""Dry runs on hosts: asked over whichever broker holds the host's control channel, and answered within 0.4 s or not.

`HostChecks` is this broker's: it asks a host whose channel is here, and the broker of any other. Nothing is decided
here, and nothing is kept: a host that is silent leaves a sentence that says why.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from broker.hosts.answers import BUSY, GONE, LATE, MAXIMUM_BYTES, NO_BROKER, OLDER, HostAnswer
from broker.hosts.pending import PendingQuestions, Silence
from broker.hosts.registry import ChannelRegistry
from broker.repositories.hosts import live_path
from broker.snapshot import Snapshot
from portcullis.errors import ProtocolError
from portcullis.logs import ids
from portcullis.protocol.checks import ANSWER_SECONDS, FEATURE, Check, read_check
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

PATH = "/inner/v1/check"
WAY_SECONDS = 0.08
"""To another broker and back."""

AskPeer = Callable[[str, str, bytes], Awaitable[bytes | None]]
"""Broker id, path, body: the answer; None when that broker does not answer, or does not know the path."""


SILENCES = {Silence.OLDER: OLDER, Silence.BUSY: BUSY, Silence.LATE: LATE, Silence.GONE: GONE}


def pending_checks() -> PendingQuestions[HostAnswer]:
    """One channel's."""
    return PendingQuestions(FEATURE, ANSWER_SECONDS, lambda _, silence: SILENCES[silence])


class HostChecks:
    def __init__(
        self, snapshot: Snapshot, registry: ChannelRegistry, broker_id: str, ask_peer: AskPeer
    ) -> None:
        self._snapshot = snapshot
        self._registry = registry
        self._broker_id = broker_id
        self._ask_peer = ask_peer

    async def ask(self, host_id: str, check: Check) -> HostAnswer:
        channel = self._registry.get(host_id)
        if channel is not None:
            return await channel.check(check)
        live = self._snapshot.get("site", live_path(host_id))
        if live is None:
            return GONE
        broker_id = str(live.value["broker_id"])
        if broker_id == self._broker_id:
            return GONE  # its channel ended a moment ago
        body = json.dumps({"host": host_id, "check": check.to_json()}).encode()
        try:
            async with asyncio.timeout(ANSWER_SECONDS + WAY_SECONDS):
                said = await self._ask_peer(broker_id, PATH, body)
            return NO_BROKER if said is None else HostAnswer.parse(said)
        except TimeoutError:
            return LATE
        except ProtocolError as exc:
            log.warning("a broker's answer cannot be read: %s", exc, extra=ids(broker=broker_id))
            return NO_BROKER

    async def answer(self, body: bytes) -> bytes:
        """To another broker, about a host whose channel is here. Raises ProtocolError."""
        fields = Fields.parse(body, MAXIMUM_BYTES)
        host_id, check = fields.id("host"), read_check(fields.inner("check"))
        channel = self._registry.get(host_id)
        said = GONE if channel is None else await channel.check(check)
        return json.dumps(said.to_json()).encode()
