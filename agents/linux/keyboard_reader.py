"""How far the program that has the keyboard has read: it is asked by a ping (EWMH, _NET_WM_PING), and answers in order.

A program looks up what a key gives when it reads the event, in the map that the display has by then. So a key must not
be given another meaning before the program has read what was pressed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Generator

import xcffib.xproto as xproto

from agents.linux.x11 import XConnection
from portcullis.clock import Clock

_CLIENT_MESSAGE = 33
_MOST_SECONDS = 1.5
"""A program that does not answer by then is busy with something else, or hangs."""
_LOOK_SECONDS = 0.02
_MOST_PROTOCOLS = 64


class KeyboardReader:
    def __init__(self, x: XConnection, clock: Clock) -> None:
        self._x = x
        self._clock = clock
        self._serial = 0
        self._asked = 0
        self._answered = 0
        self.caught_up_at = -math.inf
        """All that was pressed before has been read."""
        self._protocols, self._ping = x.atom("WM_PROTOCOLS"), x.atom("_NET_WM_PING")
        x.on(xproto.ClientMessageEvent, self._heard)

    def catch_up(self) -> Generator[float, None, bool]:
        """Waits until the program has read all. False if it answers no pings, or not this one in time."""
        asked_at = self._clock.monotonic()
        window = self._active_window()
        # One that has not answered yet is not waited for again: it may hang.
        if window is None or (self._answered != self._serial and window == self._asked):
            return False
        self._ask(window)
        while self._answered != self._serial and self._clock.monotonic() < asked_at + _MOST_SECONDS:
            self._x.flush()
            yield _LOOK_SECONDS
        if self._answered != self._serial:
            return False
        self.caught_up_at = asked_at
        return True

    def _active_window(self) -> int | None:
        """One that answers pings."""
        active = self._x.property(self._x.root, self._x.atom("_NET_ACTIVE_WINDOW"), 4)
        if active is None or len(active[1]) != 4:
            return None
        (window,) = struct.unpack("=I", active[1])
        known = self._x.property(window, self._protocols, 4 * _MOST_PROTOCOLS)
        return (
            window
            if known is not None and self._ping in struct.unpack(f"={len(known[1]) // 4}I", known[1])
            else None
        )

    def _ask(self, window: int) -> None:
        self._asked = window
        self._serial = self._serial % 0xFFFF + 1
        data = (self._ping, self._serial, window, 0, 0)
        event = struct.pack("=BBHII5I", _CLIENT_MESSAGE, 32, 0, window, self._protocols, *data)
        self._x.core.SendEvent(False, window, 0, event)

    def _heard(self, message: xproto.ClientMessageEvent) -> None:
        if (
            message.window == self._x.root
            and message.type == self._protocols
            and message.data.data32[0] == self._ping
        ):
            self._answered = message.data.data32[1]
