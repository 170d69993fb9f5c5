"""The agent's end of a session: listens, holds the newest connection, drops it when it breaks."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from agents.linux.leader.lines import Peer, peer_uid
from agents.linux.leader.loop import Loop


class AgentSide:
    """`on_line` gets what the agent says, `greeting` tells what one that connects is told first, `on_gone` hears that
    it has closed the connection."""

    def __init__(
        self,
        loop: Loop,
        listener: socket.socket,
        on_line: Callable[[bytes], None],
        greeting: Callable[[], list[bytes]],
        on_gone: Callable[[], None],
    ) -> None:
        listener.setblocking(False)
        self._loop = loop
        self._listener = listener
        self._on_line = on_line
        self._greeting = greeting
        self._on_gone = on_gone
        self._peer: Peer | None = None
        loop.watch(listener, lambda _: self._accept())

    def send(self, line: bytes) -> None:
        """Lost when no agent is connected: the next one is told the status anew."""
        if self._peer is not None:
            try:
                self._peer.send(line)
            except OSError:
                self._drop()

    def before_waiting(self) -> None:
        if self._peer is not None:
            self._loop.want_writes(self._peer.end, self._peer.wants_to_write)

    def flush_and_close(self, seconds: float) -> None:
        if self._peer is not None:
            self._peer.flush_and_close(seconds)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if peer_uid(connection) != os.geteuid():
            connection.close()
            return
        self._drop()  # the newest wins
        self._peer = Peer(connection)
        self._loop.watch(connection, lambda _: self._receive())
        for line in self._greeting():
            self.send(line)

    def _drop(self) -> None:
        if self._peer is not None:
            self._loop.unwatch(self._peer.end)
            self._peer.end.close()
            self._peer = None

    def _receive(self) -> None:
        if (peer := self._peer) is None:
            return
        try:
            peer.flush()
            lines = peer.receive()
        except (EOFError, OSError):
            self._drop()
            self._on_gone()
            return
        for line in lines:
            self._on_line(line)
