"""What a client is told beside frames: the newest of each kind, when the stream has room for it.

A cursor's picture is sent once and then named by its serial; the client need not keep more than the last 64.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from agents.worker.desktop import CursorImage
from portcullis.protocol.messages import ClipboardText, Cursor, CursorUse, Message, Notice, Title, encode

KEPT_CURSORS = 64
KEPT_NOTICES = 8


class Outbox:
    def __init__(self, send: Callable[[bytes], None], is_writable: Callable[[], bool]) -> None:
        self._send = send
        self._is_writable = is_writable
        self._cursor: CursorImage | None = None
        self._title: str | None = None
        self._notices: deque[str] = deque(maxlen=KEPT_NOTICES)
        self._clipboard: str | None = None
        self._clipboard_serial = 0
        self._sent_cursors: OrderedDict[int, None] = OrderedDict()

    def cursor(self, cursor: CursorImage) -> None:
        self._cursor = cursor
        self.flush()

    def title(self, title: str) -> None:
        self._title = title
        self.flush()

    def notice(self, text: str) -> None:
        self._notices.append(text)
        self.flush()

    def clipboard(self, text: str) -> None:
        self._clipboard = text
        self.flush()

    def flush(self) -> None:
        if not self._is_writable():
            return
        messages = [*self._take_cursor(), *self._take_title(), *self._take_notices(), *self._take_clipboard()]
        if messages:
            self._send(encode(*messages))

    def _take_title(self) -> list[Message]:
        title, self._title = self._title, None
        return [] if title is None else [Title(title)]

    def _take_notices(self) -> list[Message]:
        notices: list[Message] = [Notice(text) for text in self._notices]
        self._notices.clear()
        return notices

    def _take_clipboard(self) -> list[Message]:
        text, self._clipboard = self._clipboard, None
        if text is None:
            return []
        self._clipboard_serial += 1
        return [ClipboardText(self._clipboard_serial, text)]

    def _take_cursor(self) -> list[Message]:
        image, self._cursor = self._cursor, None
        if image is None:
            return []
        use = CursorUse(image.serial)
        if image.serial == 0 or image.serial in self._sent_cursors:
            return [use]
        self._sent_cursors[image.serial] = None
        while len(self._sent_cursors) > KEPT_CURSORS:
            self._sent_cursors.popitem(last=False)
        hot = image.hot_x, image.hot_y
        return [Cursor(image.serial, *hot, image.width, image.height, image.rgba), use]
