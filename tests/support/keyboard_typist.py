"""Types into an X display as the worker does, without a worker: by its injector, on a clock that a test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import xcffib.xproto as xproto

from agents.linux.injection import Injector
from agents.linux.x11 import XConnection
from portcullis.protocol import messages as m
from tests.support.clock import ManualClock
from tests.support.xserver import XServer


class Typist:
    def __init__(self, server: XServer) -> None:
        self.clock = ManualClock()
        self.waited = 0.0
        self._x = XConnection(server.display, str(server.xauthority))
        self._x.select_root_events(xproto.EventMask.SubstructureNotify)
        self._x.start(lambda: None)
        self._injector = Injector(self._x, lambda: (640, 480), self.clock)

    async def type(self, text: str, when_waiting: Callable[[float], None]) -> None:
        await self._apply(m.CommittedText(1, text), when_waiting)

    async def stroke(self, code: str, text: str, modifiers: int = 0, locks: int = 0) -> None:
        for down in (True, False):
            await self.key(code, text, modifiers, down, locks)

    async def key(self, code: str, text: str, modifiers: int, down: bool, locks: int = 0) -> None:
        await self._apply(m.Key(1, down, modifiers, locks, code, text), lambda now: None)

    async def _apply(self, message: m.Input, when_waiting: Callable[[float], None]) -> None:
        for seconds in self._injector.apply(message):
            self.clock.advance(seconds)
            self.waited += seconds
            when_waiting(self.waited)
            self._x.sync()
            await asyncio.sleep(0)  # what the display tells is heard in the loop
        self._x.sync()
        await asyncio.sleep(0)

    def close(self) -> None:
        self._x.close()
