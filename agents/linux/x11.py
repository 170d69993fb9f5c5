"""One connection to the session's X server: requests, and its events handed to whoever asked for them.

Runs on the event loop alone. Whenever xcb waits for a reply, and whenever it writes, it may also read events into its
queue, for which the socket will not become readable again: every wait and every flush schedules a look at the queue.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import struct
import time
from collections.abc import Callable
from typing import Any

import xcffib
import xcffib.xproto as xproto
import xcffib.xtest as xtest

from agents.worker.desktop import DesktopLost

log = logging.getLogger(__name__)

_CHANGE_PROPERTY = 18
_PROPERTY_PIECE_WORDS = 16 * 1024
_TURN_SECONDS = 0.004
"""Of handling events; then the event loop has its turn: an application may raise events without end."""


class _Connection(xcffib.Connection):
    """Every call of xcffib asks `invalid`, before and after: the one place where a lost server shows."""

    def invalid(self) -> None:
        try:
            super().invalid()  # type: ignore[no-untyped-call]
        except xcffib.ConnectionException as exc:
            raise DesktopLost("the display is gone") from exc


_connect: Callable[[str], Any] = _Connection


class XConnection:
    """Any method, and any request made through it, raises DesktopLost once the server is gone."""

    def __init__(self, display: str, xauthority: str) -> None:
        """Raises DesktopLost when there is no such display or the cookie is refused."""
        self.use_authority(xauthority)
        try:
            self.xcb = _connect(display)
        except (DesktopLost, xcffib.ConnectionException) as exc:
            raise DesktopLost(f"cannot connect to display {display}") from exc
        self._descriptor: int = self.xcb.get_file_descriptor()
        self.display = display
        self.setup = self.xcb.get_setup()
        self.screen = self.setup.roots[self.xcb.pref_screen]
        self.root: int = self.screen.root
        self.core: Any = self.xcb.core
        self._atoms: dict[str, int] = {}
        self._handlers: dict[type[Any], list[Callable[[Any], None]]] = {}
        self._on_lost: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drain_is_scheduled = False
        self._root_event_mask = 0
        # A client that grabs the server would else stop this connection, and with it the whole stream.
        self.xcb(xtest.key).GrabControl(True)

    def use_authority(self, xauthority: str) -> None:
        """Of connections that are made from now on, by programs that this process starts as well."""
        # libXau finds the cookie through this variable alone; xcffib's own `auth` argument cannot hold a cookie
        # that contains a colon.
        os.environ["XAUTHORITY"] = xauthority  # noqa: TID251

    def start(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._drain)
        self._schedule_drain()

    def close(self) -> None:
        self._stop_reading()
        self.xcb.disconnect()

    def has_extension(self, name: str) -> bool:
        """To be asked before `extension` where a server may lack it: a request to one that is missing ends the
        connection."""
        return bool(self.reply(self.core.QueryExtension(len(name), name)).present)

    def extension(self, key: Any) -> Any:
        return self.xcb(key)

    def on(self, event: type[Any], handler: Callable[[Any], None]) -> None:
        self._handlers.setdefault(event, []).append(handler)

    def reply(self, cookie: Any) -> Any:
        """Wait for a reply. Raises xcffib.Error for a request that the server refused."""
        answer = cookie.reply()
        self._schedule_drain()
        return answer

    def raw_reply(self, cookie: Any) -> bytes:
        """As it came, with its head of 32 bytes: xcffib takes some replies apart byte by byte, and misreads others.
        Raises as `reply`."""
        self.xcb.flush()
        data = self.xcb.wait_for_reply(cookie.sequence).cdata
        buffer: Any = getattr(xcffib, "ffi").buffer  # noqa: B009  # untyped
        length = struct.unpack_from("=I", buffer(data, 8), 4)[0]
        self._schedule_drain()
        return bytes(buffer(data, 32 + 4 * length))

    def check(self, cookie: Any) -> None:
        """Wait until the server has done a checked request. Raises xcffib.Error if it refused."""
        cookie.check()
        self._schedule_drain()

    def sync(self) -> None:
        """Wait until the server has done everything that was asked."""
        self.reply(self.core.GetInputFocus())

    def flush(self) -> None:
        self.xcb.flush()
        self._schedule_drain()

    def atom(self, name: str) -> int:
        known = self._atoms.get(name)
        if known is None:
            known = int(self.reply(self.core.InternAtom(False, len(name), name)).atom)
            self._atoms[name] = known
        return known

    def select_root_events(self, mask: int) -> None:
        """Adds to what this connection hears of the root window."""
        self._root_event_mask |= mask
        self.select_events(self.root, self._root_event_mask)

    def select_events(self, window: int, mask: int) -> None:
        self.core.ChangeWindowAttributes(window, xproto.CW.EventMask, [mask])

    def property(self, window: int, name: int, maximum_bytes: int) -> tuple[int, bytes] | None:
        """Type and bytes of a property; None when there is none, the window is gone, or it is larger."""
        data = b""
        while True:
            cookie = self.core.GetProperty(
                False, window, name, xproto.GetPropertyType.Any, len(data) // 4, _PROPERTY_PIECE_WORDS
            )
            try:
                answer = self.reply(cookie)
            except xcffib.Error:
                return None
            data += answer.value.buf()
            if answer.type == 0 or len(data) + answer.bytes_after > maximum_bytes:
                return None
            if answer.bytes_after == 0:
                return answer.type, data

    def property_head(self, window: int, name: int, maximum_bytes: int) -> tuple[int, bytes] | None:
        """Type and the first bytes of a property; None when there is none, or the window is gone."""
        kind = xproto.GetPropertyType.Any
        try:
            answer = self.reply(self.core.GetProperty(False, window, name, kind, 0, maximum_bytes // 4))
        except xcffib.Error:
            return None
        return None if answer.type == 0 else (answer.type, answer.value.buf())

    def set_property(self, window: int, name: int, kind: int, form: int, data: bytes) -> None:
        # xcffib packs bytes one by one: 5 ms for 64 KiB.
        head = struct.pack(
            "=xB2xIIIB3xI", xproto.PropMode.Replace, window, name, kind, form, len(data) * 8 // form
        )
        self.core.send_request(_CHANGE_PROPERTY, io.BytesIO(head + data + b"\0" * (-len(data) % 4)))

    def _schedule_drain(self) -> None:
        if self._loop is not None and not self._drain_is_scheduled:
            self._drain_is_scheduled = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._drain_is_scheduled = False
        try:
            began = time.monotonic()
            while self._loop is not None and (event := self._next_event()) is not None:
                for handler in self._handlers.get(type(event), ()):
                    handler(event)
                if time.monotonic() - began > _TURN_SECONDS:
                    self._schedule_drain()
                    return
        except DesktopLost:
            self._lose()

    def _next_event(self) -> Any:
        while True:
            try:
                event = self.xcb.poll_for_event()
                if event is None:
                    self.xcb.flush()  # what handlers asked for; may bring events as well
                    event = self.xcb.poll_for_event()
                return event
            except xcffib.Error as exc:
                # A window that another client destroyed meanwhile, for example.
                log.debug("the X server refused a request: %s", type(exc).__name__)
            except LookupError:
                log.debug("an event of an extension that nobody asked for")

    def _lose(self) -> None:
        if self._loop is not None:
            self._stop_reading()
            self._on_lost()

    def _stop_reading(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop = None
