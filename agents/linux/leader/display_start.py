"""The X server from its start until others may connect: it tells its number, and must refuse a stranger."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from agents.linux.leader import stranger
from agents.linux.leader.loop import Loop
from agents.linux.leader.premises import Failure


class DisplayStart:
    """`on_known` gets its name (`:7`), `on_refusing` is called when it has been seen to refuse strangers.

    A server that ends before either is SIGCHLD's to tell; nothing is called then.
    """

    def __init__(self, loop: Loop, on_known: Callable[[str], None], on_refusing: Callable[[], None]) -> None:
        self._loop = loop
        self._on_known = on_known
        self._on_refusing = on_refusing

    def start(self, start: Callable[[int], None]) -> None:
        """`start` runs the server with this descriptor, to which it writes its number. Raises OSError."""
        read_end, write_end = os.pipe()
        try:
            start(write_end)
        finally:
            os.close(write_end)
        number = bytearray()
        self._loop.watch(read_end, lambda _: self._on_number(read_end, number))

    def _on_number(self, read_end: int, number: bytearray) -> None:
        """Up to its line feed, which Xvfb writes separately, and fails when nobody reads it."""
        data = os.read(read_end, 64)
        number += data
        if data and not number.endswith(b"\n"):
            return
        self._loop.unwatch(read_end)
        os.close(read_end)
        if number.strip().isdigit():
            display = f":{int(number)}"
            self._on_known(display)
            knocking = stranger.knock(display)
            self._loop.watch(knocking, lambda _: self._on_answer(knocking))

    def _on_answer(self, knocking: socket.socket) -> None:
        self._loop.unwatch(knocking)
        if not stranger.is_refused(knocking):
            raise Failure("display_failed", "the display does not refuse clients without a cookie")
        self._on_refusing()
