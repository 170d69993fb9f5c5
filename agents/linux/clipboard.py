"""The CLIPBOARD selection, as text, both ways.

*In*: `offer` makes this process the owner and serves the text to whoever asks. *Out*: XFixes tells of a new owner,
whose text is fetched and handed to `on_text`. What passes is decided by ownership alone and never by comparing texts:
somebody who copies the same words again expects them to arrive again. Text above the limit goes nowhere: a part of it
would be a wrong copy. Larger pieces travel by the INCR protocol (ICCCM 2.7.2) in both directions.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import xcffib.xfixes as xfixes
import xcffib.xproto as xproto

from agents.linux.x11 import XConnection
from agents.worker.throttle import Throttle

log = logging.getLogger(__name__)

MAXIMUM_BYTES = 1 << 20
_MAXIMUM_TAKEN_BYTES = 64 << 20
_PIECE_BYTES = 64 << 10
_TRANSFER_SECONDS = 5.0
"""Without progress, after which a transfer is given up."""
_MAXIMUM_TRANSFERS = 16
_ASK_SECONDS = 0.05
_NONE = 0
_SET_SELECTION_OWNER = 1


@dataclass(slots=True)
class _Fetch:
    """A conversion that was asked of the selection's owner."""

    property: int
    target: int
    timestamp: int
    data: bytearray = field(default_factory=bytearray)
    is_incremental: bool = False
    received: int = 0
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Serve:
    """The rest of a text that a requestor takes piece by piece."""

    kind: int
    rest: bytes
    timer: asyncio.TimerHandle


class Clipboard:
    def __init__(self, x: XConnection, on_text: Callable[[str], None]) -> None:
        self._x = x
        self._on_text = on_text
        self._selection = x.atom("CLIPBOARD")
        self._utf8 = x.atom("UTF8_STRING")
        self._incr = x.atom("INCR")
        self._targets = x.atom("TARGETS")
        self._timestamp_target = x.atom("TIMESTAMP")
        self._text_targets = {
            self._utf8: self._utf8,
            x.atom("text/plain;charset=utf-8"): x.atom("text/plain;charset=utf-8"),
            x.atom("text/plain"): x.atom("text/plain"),
            x.atom("TEXT"): self._utf8,
            xproto.Atom.STRING: xproto.Atom.STRING,
        }
        # A property each in turn: a late answer to an older request is not taken for the newer one's.
        self._properties = itertools.cycle([x.atom(f"PORTCULLIS_{number}") for number in range(8)])
        self._offered: str | None = None
        self._owned_since = 0
        self._fetch: _Fetch | None = None
        self._owned_by_others_since = 0
        self._asking = Throttle(lambda: self._ask(self._utf8, self._owned_by_others_since), _ASK_SECONDS)
        self._serving: dict[tuple[int, int], _Serve] = {}
        self._window = self._new_window()
        self._listen()

    def offer(self, text: str) -> None:
        """Become the owner: what applications paste from now on."""
        self._asking.cancel()  # it was copied before, and is older than this text
        self._give_up_fetch()
        self._offered = text.replace("\r\n", "\n").replace("\0", "")
        self._x.core.SetSelectionOwner(self._window, self._selection, xproto.Time.CurrentTime)
        self._x.flush()

    def close(self) -> None:
        self._asking.cancel()
        self._give_up_fetch()
        for key in list(self._serving):
            self._end_serving(key)

    def _new_window(self) -> int:
        window = int(self._x.xcb.generate_id())
        create = self._x.core.CreateWindow
        only_input = xproto.WindowClass.InputOnly
        mask, values = xproto.CW.EventMask, [xproto.EventMask.PropertyChange]
        create(0, window, self._x.root, -10, -10, 1, 1, 0, only_input, 0, mask, values)
        return window

    def _listen(self) -> None:
        extension = self._x.extension(xfixes.key)
        self._x.reply(extension.QueryVersion(5, 0))
        extension.SelectSelectionInput(self._window, self._selection, _SET_SELECTION_OWNER)
        self._x.on(xfixes.SelectionNotifyEvent, self._owner_changed)
        self._x.on(xproto.SelectionNotifyEvent, self._converted)
        self._x.on(xproto.SelectionRequestEvent, self._requested)
        self._x.on(xproto.PropertyNotifyEvent, self._property_changed)

    # --- From the application

    def _owner_changed(self, event: Any) -> None:
        if event.selection != self._selection:
            return  # another part of this connection listens to another one
        if event.owner == self._window:
            self._owned_since = event.selection_timestamp
            return
        self._offered = None
        self._give_up_fetch()
        if event.owner != _NONE:
            self._owned_by_others_since = event.selection_timestamp
            self._asking.ask()
        else:
            self._asking.cancel()

    def _ask(self, target: int, timestamp: int) -> None:
        fetch = self._fetch = _Fetch(next(self._properties), target, timestamp)
        self._x.core.DeleteProperty(self._window, fetch.property)
        self._x.core.ConvertSelection(self._window, self._selection, target, fetch.property, timestamp)
        self._x.flush()
        self._await_progress(fetch)

    def _converted(self, event: Any) -> None:
        fetch = self._fetch
        if fetch is None or event.requestor != self._window:
            return
        if event.property == _NONE and event.target == fetch.target:
            self._give_up_fetch()
            if fetch.target == self._utf8:
                self._ask(xproto.Atom.STRING, fetch.timestamp)
        elif event.property == fetch.property:
            self._take_first(fetch)

    def _take_first(self, fetch: _Fetch) -> None:
        value = self._x.property(self._window, fetch.property, MAXIMUM_BYTES)
        self._x.core.DeleteProperty(self._window, fetch.property)
        self._x.flush()
        if value is None:
            self._refuse_fetch()
        elif value[0] == self._incr:
            fetch.is_incremental = True
            self._await_progress(fetch)
        else:
            fetch.data += value[1]
            self._finish_fetch(fetch)

    def _take_piece(self, fetch: _Fetch) -> None:
        value = self._x.property(self._window, fetch.property, _MAXIMUM_TAKEN_BYTES)
        self._x.core.DeleteProperty(self._window, fetch.property)
        self._x.flush()
        piece = b"" if value is None else value[1]
        fetch.received += len(piece)
        if not piece:
            self._finish_fetch(fetch)
        elif fetch.received > _MAXIMUM_TAKEN_BYTES:
            self._refuse_fetch()
        else:
            # Also what is too much is taken to its end: some owners serve nobody else before.
            fetch.data += piece if fetch.received <= MAXIMUM_BYTES else b""
            self._await_progress(fetch)

    def _finish_fetch(self, fetch: _Fetch) -> None:
        self._give_up_fetch()
        if fetch.received > MAXIMUM_BYTES:
            self._refuse_fetch()
            return
        encoding = "utf-8" if fetch.target == self._utf8 else "latin-1"
        text = fetch.data.decode(encoding, errors="replace").replace("\r\n", "\n").replace("\0", "")
        if len(text.encode()) > MAXIMUM_BYTES:
            self._refuse_fetch()
        elif text:
            self._on_text(text)

    def _refuse_fetch(self) -> None:
        log.info("the clipboard's text is gone, or larger than %d bytes: it is not passed on", MAXIMUM_BYTES)
        self._give_up_fetch()

    def _await_progress(self, fetch: _Fetch) -> None:
        if fetch.timer is not None:
            fetch.timer.cancel()
        loop = asyncio.get_running_loop()
        fetch.timer = loop.call_later(_TRANSFER_SECONDS, self._give_up_fetch)

    def _give_up_fetch(self) -> None:
        if self._fetch is not None and self._fetch.timer is not None:
            self._fetch.timer.cancel()
        self._fetch = None

    # --- To the application

    def _requested(self, event: Any) -> None:
        # A requestor of before ICCCM names no property: the target's name stands for it.
        name = event.property or event.target
        is_served = event.selection == self._selection and self._serve(event.requestor, name, event.target)
        answer = xproto.SelectionNotifyEvent.synthetic(  # type: ignore[no-untyped-call]
            event.time, event.requestor, event.selection, event.target, name if is_served else _NONE
        )
        self._x.core.SendEvent(False, event.requestor, 0, answer.pack())
        self._x.flush()

    def _serve(self, requestor: int, name: int, target: int) -> bool:
        if self._offered is None:
            return False
        if target == self._targets:
            targets = (self._targets, self._timestamp_target, *self._text_targets)
            data = struct.pack(f"={len(targets)}I", *targets)
            self._x.set_property(requestor, name, xproto.Atom.ATOM, 32, data)
        elif target == self._timestamp_target:
            data = struct.pack("=I", self._owned_since)
            self._x.set_property(requestor, name, xproto.Atom.INTEGER, 32, data)
        elif target in self._text_targets:
            return self._serve_text(requestor, name, self._text_targets[target])
        else:
            return False
        return True

    def _serve_text(self, requestor: int, name: int, kind: int) -> bool:
        encoding = "latin-1" if kind == xproto.Atom.STRING else "utf-8"
        data = (self._offered or "").encode(encoding, errors="replace")
        if len(data) <= _PIECE_BYTES:
            self._x.set_property(requestor, name, kind, 8, data)
            return True
        if len(self._serving) >= _MAXIMUM_TRANSFERS:
            return False
        self._x.select_events(requestor, xproto.EventMask.PropertyChange)
        key = (requestor, name)
        self._end_serving(key)
        self._serving[key] = _Serve(kind, data, self._serving_timer(key))
        self._x.set_property(requestor, name, self._incr, 32, struct.pack("=I", len(data)))
        return True

    def _property_changed(self, event: Any) -> None:
        is_deleted = event.state == xproto.Property.Delete
        key = (event.window, event.atom)
        if is_deleted and key in self._serving:
            self._serve_piece(key)
        elif (
            not is_deleted
            and event.window == self._window
            and self._fetch is not None
            and self._fetch.is_incremental
            and event.atom == self._fetch.property
        ):
            self._take_piece(self._fetch)

    def _serve_piece(self, key: tuple[int, int]) -> None:
        serve = self._serving[key]
        piece, serve.rest = serve.rest[:_PIECE_BYTES], serve.rest[_PIECE_BYTES:]
        self._x.set_property(*key, serve.kind, 8, piece)
        self._x.flush()
        if piece:
            serve.timer.cancel()
            serve.timer = self._serving_timer(key)
        else:
            self._end_serving(key)  # an empty piece says that it was all

    def _serving_timer(self, key: tuple[int, int]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(_TRANSFER_SECONDS, self._end_serving, key)

    def _end_serving(self, key: tuple[int, int]) -> None:
        serve = self._serving.pop(key, None)
        if serve is not None:
            serve.timer.cancel()
