"""Keeps the X server from drawing while a picture is read from its memory, so that none is half of the next.

The server is grabbed for the millisecond that a conversion takes. The connection is one of its own, used by one thread
at a time, and made before there is an application, as one that holds the server lets nobody in. It never waits for
long: where another client holds the server, the picture is read as it is. What was asked is answered by an event, which
can be waited for with a deadline, as a reply cannot.
"""

from __future__ import annotations

import logging
import select
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import xcffib
import xcffib.xproto as xproto

from agents.linux.x11 import XConnection
from agents.worker.desktop import DesktopLost

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 0.02
_CLIENT_MESSAGE = struct.Struct("=BBHIII16x")
"""Kind, bits of the data, sequence, window, type, data."""


class Stillness:
    def __init__(self, x: XConnection) -> None:
        self._x = x
        self._window: int = x.xcb.generate_id()
        kind = xproto.WindowClass.InputOnly
        x.core.CreateWindow(0, self._window, x.root, -1, -1, 1, 1, 0, kind, 0, 0, [])
        x.sync()
        self._asked = 0
        self._answered = 0
        self._is_closed = False
        self._has_to_release = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            self._ask()
        except (DesktopLost, xcffib.ConnectionException) as exc:
            # Its end is told by the connection that all else uses.
            log.debug("the display cannot be held: %s", exc)
        try:
            yield
        finally:
            self._release()

    def close(self) -> None:
        """Not while a picture is read."""
        self._is_closed = True
        self._x.close()

    def _ask(self) -> None:
        if self._is_closed:
            return
        x = self._x
        self._take_answers()
        if self._answered != self._asked:
            return  # somebody held the server then, and still does
        self._asked = (self._asked + 1) & 0xFFFF
        self._has_to_release = True
        x.core.GrabServer()
        x.core.SendEvent(False, self._window, 0, self._note())
        x.xcb.flush()
        self._await_answer()

    def _release(self) -> None:
        if not self._has_to_release:
            return
        self._has_to_release = False
        try:
            self._x.core.UngrabServer()
            self._x.xcb.flush()
        except (DesktopLost, xcffib.ConnectionException) as exc:
            log.debug("the display cannot be let go: %s", exc)

    def _note(self) -> bytes:
        return _CLIENT_MESSAGE.pack(33, 32, 0, self._window, xproto.Atom.WM_NAME, self._asked)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        descriptor = self._x.xcb.get_file_descriptor()
        while not self._take_answers():
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([descriptor], [], [], remaining)[0]:
                return

    def _take_answers(self) -> bool:
        while (event := self._next_event()) is not None:
            # Applications may send events to any window: only what was asked last is an answer.
            if isinstance(event, xproto.ClientMessageEvent) and event.data.data32[0] == self._asked:
                self._answered = self._asked
        return self._answered == self._asked

    def _next_event(self) -> Any:
        while True:
            try:
                return self._x.xcb.poll_for_event()
            except (xcffib.Error, LookupError) as exc:
                log.debug("an event that nobody asked for: %s", type(exc).__name__)
