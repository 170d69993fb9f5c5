"""The clipboard, as text, both ways.

*In*: `offer` puts a text there. *Out*: Windows tells that it changed, and its text is handed to `on_text`. What passes
is decided by ownership alone and never by comparing texts: somebody who copies the same words again expects them to
arrive again. Text above the limit goes nowhere: a part of it would be a wrong copy. All of it happens on the message
thread, whose window owns what was offered: another application may hold the clipboard for a while, and is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import time
from collections.abc import Callable, Iterator

from agents.windows.libraries import kernel32, user32
from agents.windows.message_window import MessageWindow
from agents.windows.structures import CF_UNICODETEXT, GMEM_MOVEABLE
from agents.worker.throttle import Throttle
from portcullis.protocol.messages import MAXIMUM_CLIPBOARD_BYTES

log = logging.getLogger(__name__)

_ASK_SECONDS = 0.05
_ATTEMPTS = 20
_ATTEMPT_SECONDS = 0.025


class Clipboard:
    def __init__(self, window: MessageWindow, on_text: Callable[[str], None]) -> None:
        self._window = window
        self._on_text = on_text
        self._loop = asyncio.get_running_loop()
        self._offers = self._put_there = 0
        """The newest counts: what was asked before it is older than it."""
        self._asking = Throttle(self._ask, _ASK_SECONDS)
        self._is_closed = False
        window.on("clipboard", self._asking.ask)

    def offer(self, text: str) -> None:
        """What applications paste from now on."""
        self._asking.cancel()
        self._offers += 1
        number, data = self._offers, stored(text)
        self._window.run(lambda: self._put(number, data))

    @property
    def is_there(self) -> bool:
        """Whether what was offered is what applications paste by now; it is tried for half a second."""
        return self._put_there == self._offers

    def close(self) -> None:
        self._is_closed = True
        self._asking.cancel()

    def _ask(self) -> None:
        number = self._offers
        self._window.run(lambda: self._take(number))

    def _taken(self, number: int, text: str) -> None:
        if number == self._offers and not self._is_closed:
            self._on_text(text)

    # --- On the message thread

    def _put(self, number: int, data: bytes) -> None:
        try:
            if number == self._offers:
                self._store(data)
        finally:
            self._put_there = number

    def _store(self, data: bytes) -> None:
        with self._opened() as is_open:
            if not is_open:
                log.warning("an application holds the clipboard: a text did not get there")
                return
            user32().EmptyClipboard()
            memory = _memory(data)
            if memory and not user32().SetClipboardData(CF_UNICODETEXT, memory):
                kernel32().GlobalFree(memory)

    def _take(self, number: int) -> None:
        library = user32()
        is_ours = library.GetClipboardOwner() == self._window.handle
        if is_ours or not library.IsClipboardFormatAvailable(CF_UNICODETEXT):
            return
        with self._opened() as is_open:
            data = _content(library.GetClipboardData(CF_UNICODETEXT)) if is_open else None
        text = None if data is None else told(data)
        if text is None:
            log.info(
                "the clipboard's text is gone, or larger than %d bytes: it is not passed on",
                MAXIMUM_CLIPBOARD_BYTES,
            )
        elif text:
            with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._taken, number, text)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[bool]:
        library = user32()
        for _ in range(_ATTEMPTS):
            if library.OpenClipboard(self._window.handle):
                break
            time.sleep(_ATTEMPT_SECONDS)
        else:
            yield False
            return
        try:
            yield True
        finally:
            library.CloseClipboard()


def stored(text: str) -> bytes:
    """As CF_UNICODETEXT has it: lines end with CR LF, the whole with a null."""
    lines = text.replace("\r\n", "\n").replace("\0", "").replace("\n", "\r\n")
    return lines.encode("utf-16-le", errors="replace") + b"\0\0"


def told(data: bytes) -> str | None:
    """The text of it; None if it is longer than may be passed on."""
    if len(data) > 2 * MAXIMUM_CLIPBOARD_BYTES + 2:
        data = data[: 2 * MAXIMUM_CLIPBOARD_BYTES + 4]  # what matters is where it ends, if it does
    text = data[: len(data) // 2 * 2].decode("utf-16-le", errors="replace").split("\0", 1)[0]
    text = text.replace("\r\n", "\n")
    return text if len(text.encode()) <= MAXIMUM_CLIPBOARD_BYTES else None


def _memory(data: bytes) -> int | None:
    library = kernel32()
    memory = library.GlobalAlloc(GMEM_MOVEABLE, len(data))
    address = library.GlobalLock(memory) if memory else None
    if not address:
        return None
    ctypes.memmove(address, data, len(data))
    library.GlobalUnlock(memory)
    return int(memory)


def _content(memory: int | None) -> bytes | None:
    library = kernel32()
    address = library.GlobalLock(memory) if memory else None
    if not address:
        return None
    try:
        # Some applications take much more memory than their text needs; no more is looked at than may be passed on.
        length = min(library.GlobalSize(memory), 2 * MAXIMUM_CLIPBOARD_BYTES + 4)
        return ctypes.string_at(address, length)
    finally:
        library.GlobalUnlock(memory)
