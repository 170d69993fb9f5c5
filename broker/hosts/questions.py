"""Questions to hosts, of one kind, asked over whichever broker holds the control channel of the host.

This broker asks a host whose channel is here, and the broker of any other. Nothing is kept: who asks waits, and a host
that does not answer in time leaves an answer that says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

from broker.hosts.registry import Channel, ChannelRegistry
from broker.repositories.hosts import live_path
from broker.snapshot import Snapshot
from portcullis.errors import ProtocolError
from portcullis.logs import ids
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

MAXIMUM_BYTES = 1 << 20

AskPeer = Callable[[str, str, bytes], Awaitable[bytes | None]]
"""Broker id, path, body: the answer; None when that broker does not answer, or does not know the path."""


class Told(Protocol):
    def to_json(self) -> dict[str, Any]: ...


Q = TypeVar("Q", bound=Told)
A = TypeVar("A", bound=Told)


class HostQuestions(ABC, Generic[Q, A]):
    PATH: str
    """Of the inner API, by which brokers ask each other."""
    WORD: str
    """What the question is called in the body."""
    WITHIN_SECONDS: float
    """For another broker to answer."""

    def __init__(
        self, snapshot: Snapshot, registry: ChannelRegistry, broker_id: str, ask_peer: AskPeer
    ) -> None:
        self._snapshot = snapshot
        self._registry = registry
        self._broker_id = broker_id
        self._ask_peer = ask_peer

    async def ask(self, host_id: str, question: Q) -> A:
        channel = self._registry.get(host_id)
        if channel is not None:
            return await self._ask_here(channel, question)
        live = self._snapshot.get("site", live_path(host_id))
        broker_id = str(live.value["broker_id"]) if live else self._broker_id
        if broker_id == self._broker_id:
            return self._gone(question)  # there is no channel, or it ended a moment ago
        body = json.dumps({"host": host_id, self.WORD: question.to_json()}).encode()
        try:
            async with asyncio.timeout(self.WITHIN_SECONDS):
                said = await self._ask_peer(broker_id, self.PATH, body)
            return self._unheard(question) if said is None else self._read_answer(said, question)
        except TimeoutError:
            return self._late(question)
        except ProtocolError as exc:
            log.warning("a broker's answer cannot be read: %s", exc, extra=ids(broker=broker_id))
            return self._unheard(question)

    async def answer(self, body: bytes) -> bytes:
        """To another broker, about a host whose channel is here. Raises ProtocolError."""
        fields = Fields.parse(body, MAXIMUM_BYTES)
        host_id, question = fields.id("host"), self._read_question(fields.inner(self.WORD))
        channel = self._registry.get(host_id)
        said = self._gone(question) if channel is None else await self._ask_here(channel, question)
        return json.dumps(said.to_json(), ensure_ascii=False).encode()

    @abstractmethod
    async def _ask_here(self, channel: Channel, question: Q) -> A: ...

    @abstractmethod
    def _read_question(self, fields: Fields) -> Q:
        """Raises ProtocolError."""

    @abstractmethod
    def _read_answer(self, said: bytes, question: Q) -> A:
        """Of another broker. Raises ProtocolError."""

    @abstractmethod
    def _gone(self, question: Q) -> A:
        """In place of an answer: the host has no channel."""

    def _unheard(self, question: Q) -> A:
        """The other broker said nothing that can be read."""
        return self._gone(question)

    def _late(self, question: Q) -> A:
        return self._gone(question)
