"""The broker's end of a machine's channel, a host's or a gateway's: one WebSocket, and what of it both have in common.

A channel's handler waits for its end, which the machine, another channel of it, the writer or the stop of the broker
may bring; tasks run meanwhile. The reader converses. The writer is level-triggered: it is woken and sends what differs
from what it sent last, so nothing piles up behind a machine that is slow; messages that must not be lost are queued.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar

from aiohttp import WSMsgType, web

from portcullis.logs import ids
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

MAXIMUM_QUEUED = 1024

NORMAL = 1000
GOING_AWAY = 1001
MALFORMED = 1002
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_AGAIN = 1013
CERTIFICATE_REFUSED = 4403
REPLACED = 4409

NOT_TAKEN = "messages are not taken"

M = TypeVar("M")
"""A message that is queued."""


class Closing(Exception):
    """Why a channel ends, as its machine is told."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class MachineChannel(ABC, Generic[M]):
    SEND_SECONDS: float
    """A machine that has not taken a message by then loses its channel."""

    def __init__(self, machine: str, machine_id: str, socket: web.WebSocketResponse) -> None:
        """`machine`: what it is, as the log says it."""
        self._machine = machine
        self._machine_id = machine_id
        self._socket = socket
        self._ended: asyncio.Future[Closing] = asyncio.get_running_loop().create_future()
        self._wake = asyncio.Event()
        self._queued: deque[M] = deque()
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until the machine closes, or something calls `end`."""
        unsubscribe = self._begin()
        self._spawn(self._read(), "reader")
        try:
            closing = await self._ended
        finally:
            unsubscribe()
            self._leave()
            await cancel_and_wait(*self._tasks)
            await self._stop()
        about = ids(**{self._machine: self._machine_id}, code=closing.code)
        log.info("%s disconnected: %s", self._machine, closing.reason, extra=about)
        await self._socket.close(code=closing.code, message=closing.reason.encode()[:120])

    def end(self, code: int, reason: str) -> None:
        """The first call decides."""
        if not self._ended.done():
            self._ended.set_result(Closing(code, reason))

    def queue(self, message: M) -> None:
        """A machine that does not take them comes back, and is told what it has to know."""
        if len(self._queued) >= MAXIMUM_QUEUED:
            self.end(TRY_AGAIN, NOT_TAKEN)
            return
        self._queued.append(message)
        self._wake.set()

    # --- What a channel is about

    @abstractmethod
    def _begin(self) -> Callable[[], None]:
        """Subscribe to what wakes the writer. Returns what takes that back."""

    @abstractmethod
    async def _converse(self) -> None:
        """From the first message to the last. Raises Closing."""

    @abstractmethod
    async def _send_due(self) -> None:
        """What differs from what was sent last, and what is queued. Raises TimeoutError, ConnectionError."""

    @abstractmethod
    def _leave(self) -> None:
        """It is over: in no list any more, nobody's question waits."""

    async def _closed_by_machine(self) -> None:
        """It said nothing amiss, and went."""

    async def _stop(self) -> None:
        """Tasks of parts of its own."""

    # --- The socket

    def _spawn(self, run: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        """Ends with the channel, and the channel with it: a machine whose writer failed would hear nothing any more."""
        task = spawn(run, name=f"{self._machine}-{what}-{self._machine_id}")
        task.add_done_callback(lambda _: self.end(INTERNAL_ERROR, "the broker failed"))
        self._tasks.append(task)
        return task

    async def _read(self) -> None:
        try:
            await self._converse()
        except Closing as closing:
            self.end(closing.code, closing.reason)
        else:
            await self._closed_by_machine()
            self.end(NORMAL, f"the {self._machine} closed")

    async def _receive(self, timeout_seconds: float) -> str | None:
        """The next text; None when the machine closed. Raises Closing."""
        try:
            message = await self._socket.receive(timeout=timeout_seconds)
        except TimeoutError as exc:
            raise Closing(GOING_AWAY, f"nothing was heard for {timeout_seconds:.0f} s") from exc
        except ConnectionError as exc:  # of the answer to its ping
            raise Closing(GOING_AWAY, f"the {self._machine} is gone") from exc
        if message.type is WSMsgType.TEXT:
            return str(message.data)
        if message.type is WSMsgType.BINARY:
            raise Closing(MALFORMED, "a binary message")
        return None

    async def _write(self) -> None:
        """Send what is due until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_due()
        except (TimeoutError, ConnectionError) as exc:
            about = ids(**{self._machine: self._machine_id})
            log.warning("%s does not take its messages: %r", self._machine, exc, extra=about)
            self.end(TRY_AGAIN, NOT_TAKEN)

    async def _send_text(self, text: str) -> None:
        """Raises TimeoutError, ConnectionError."""
        async with asyncio.timeout(self.SEND_SECONDS):
            await self._socket.send_str(text)


class Endable(Protocol):
    def end(self, code: int, reason: str) -> None: ...


C = TypeVar("C", bound=Endable)


class MachineChannels(Generic[C]):
    """Whose channel is here, by the machine's id: one each."""

    def __init__(self) -> None:
        self._channels: dict[str, C] = {}

    def replace(self, machine_id: str, channel: C) -> C | None:
        """The channel is the machine's from now on; answers the one that was before."""
        previous = self._channels.get(machine_id)
        self._channels[machine_id] = channel
        return previous

    def remove(self, machine_id: str, channel: C) -> bool:
        """Unless another channel of the machine has replaced it: whether it was the newest."""
        if self._channels.get(machine_id) is not channel:
            return False
        del self._channels[machine_id]
        return True

    def get(self, machine_id: str) -> C | None:
        return self._channels.get(machine_id)

    def ids(self) -> list[str]:
        return list(self._channels)

    def items(self) -> list[tuple[str, C]]:
        return list(self._channels.items())

    def end(self, machine_id: str, code: int, reason: str) -> None:
        channel = self._channels.get(machine_id)
        if channel is not None:
            channel.end(code, reason)

    def end_all(self, code: int, reason: str) -> None:
        for channel in list(self._channels.values()):
            channel.end(code, reason)

    def __len__(self) -> int:
        return len(self._channels)

    def __contains__(self, machine_id: str) -> bool:
        return machine_id in self._channels
