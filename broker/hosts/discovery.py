"""What hosts have installed: asked over whichever broker holds the host's control channel, page by page.

`HostDiscovery` is this broker's: it asks a host whose channel is here, and the broker of any other. Nothing is kept: a
host is asked when somebody looks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable
from dataclasses import replace
from typing import Protocol

from broker.hosts.pending import PendingQuestions, Silence
from broker.hosts.registry import ChannelRegistry
from broker.repositories.hosts import live_path
from broker.snapshot import Snapshot
from portcullis.errors import ProtocolError
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.protocol.discovery import (
    ANSWER_SECONDS,
    FEATURE,
    MAXIMUM_APPLICATIONS,
    PAGE_APPLICATIONS,
    Discover,
    Discovered,
    Installed,
    Outcome,
    Picture,
    read_discover,
    read_discovered,
)
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

PATH = "/inner/v1/discover"
MAXIMUM_BYTES = 1 << 20
WAY_SECONDS = 1.0
"""To another broker and back."""
MAXIMUM_PAGES = 2 * MAXIMUM_APPLICATIONS // PAGE_APPLICATIONS + 16
"""Of a host that says that there is always more."""


class AskPeer(Protocol):
    """The answer; None when that broker does not answer, or does not know the path."""

    def __call__(
        self, broker_id: str, path: str, body: bytes, seconds: float, /
    ) -> Awaitable[bytes | None]: ...


def pending_discoveries() -> PendingQuestions[Discovered]:
    """One channel's."""
    return PendingQuestions(FEATURE, ANSWER_SECONDS, _silent)


class HostDiscovery:
    def __init__(
        self, snapshot: Snapshot, registry: ChannelRegistry, broker_id: str, ask_peer: AskPeer
    ) -> None:
        self._snapshot = snapshot
        self._registry = registry
        self._broker_id = broker_id
        self._ask_peer = ask_peer

    async def applications(self, host_id: str, locale: str) -> tuple[Outcome, list[Installed], int]:
        """All that the host tells, in the order of their ids, and how many it left out."""
        found: list[Installed] = []
        after = ""
        for _ in range(MAXIMUM_PAGES):
            said = await self._ask(host_id, Discover(new_id(), locale, after))
            if said.outcome != "done":
                return said.outcome, [], 0
            found += said.applications
            if not said.next or said.next <= after or len(found) >= MAXIMUM_APPLICATIONS:
                return "done", found[:MAXIMUM_APPLICATIONS], said.left_out
            after = said.next
        return "failed", [], 0

    async def icons(self, host_id: str, applications: tuple[str, ...]) -> tuple[Outcome, list[Picture]]:
        """Of those that have one, as the host drew them: to be looked at before anybody is shown them."""
        said = await self._ask(host_id, Discover(new_id(), icons=applications))
        return said.outcome, [picture for picture in said.icons if picture.png and picture.id in applications]

    async def _ask(self, host_id: str, question: Discover) -> Discovered:
        channel = self._registry.get(host_id)
        if channel is not None:
            return await channel.discover(question)
        live = self._snapshot.get("site", live_path(host_id))
        broker_id = str(live.value["broker_id"]) if live else self._broker_id
        if broker_id == self._broker_id:
            return Discovered(question.id, "away")
        body = json.dumps({"host": host_id, "discover": question.to_json()}).encode()
        said = await self._ask_peer(broker_id, PATH, body, ANSWER_SECONDS + WAY_SECONDS)
        if said is None:
            return Discovered(question.id, "away")
        try:
            return replace(read_discovered(Fields.parse(said, MAXIMUM_BYTES)), id=question.id)
        except ProtocolError as exc:
            log.warning("a broker's answer cannot be read: %s", exc, extra=ids(broker=broker_id))
            return Discovered(question.id, "away")

    async def answer(self, body: bytes) -> bytes:
        """To another broker, about a host whose channel is here. Raises ProtocolError."""
        fields = Fields.parse(body, MAXIMUM_BYTES)
        host_id, question = fields.id("host"), read_discover(fields.inner("discover"))
        channel = self._registry.get(host_id)
        said = Discovered(question.id, "away") if channel is None else await channel.discover(question)
        return json.dumps(said.to_json(), ensure_ascii=False).encode()


def _silent(question_id: str, silence: Silence) -> Discovered:
    outcome: dict[Silence, Outcome] = {Silence.OLDER: "older", Silence.BUSY: "busy"}
    return Discovered(question_id, outcome.get(silence, "away"))
