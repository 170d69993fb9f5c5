"""A window that nobody sees, on a thread of its own: what Windows tells by messages, and what accessibility tells.

The thread pumps messages and does what it is asked to (`run`): all else of this package lives on the event loop.
What is told comes as a word, and each word at most once until it was heard: applications may raise events without end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from agents.windows.libraries import kernel32, last_error, user32, wtsapi32
from agents.windows.structures import (
    EVENT_OBJECT_CLOAKED,
    EVENT_OBJECT_CREATE,
    EVENT_OBJECT_LOCATIONCHANGE,
    EVENT_OBJECT_UNCLOAKED,
    EVENT_OBJECT_VALUECHANGE,
    EVENT_SYSTEM_DESKTOPSWITCH,
    EVENT_SYSTEM_FOREGROUND,
    NOTIFY_FOR_THIS_SESSION,
    OBJID_CURSOR,
    OBJID_WINDOW,
    WINEVENT_OUTOFCONTEXT,
    WINEVENT_SKIPOWNPROCESS,
    WINEVENTPROC,
    WM_APP,
    WM_CLIPBOARDUPDATE,
    WM_CLOSE,
    WM_DESTROY,
    WM_DISPLAYCHANGE,
    WM_ENDSESSION,
    WM_QUERYENDSESSION,
    WM_WTSSESSION_CHANGE,
    WNDPROC,
    WS_EX_NOACTIVATE,
    WS_EX_TOOLWINDOW,
    WS_POPUP,
    WTS_SESSION_LOGOFF,
    Message,
    WindowClass,
)
from agents.worker.desktop import DesktopLost

log = logging.getLogger(__name__)

Word = Literal["clipboard", "display", "session", "ended", "windows", "drawn"]
"""`drawn`: an application did something that is most likely seen."""

_START_SECONDS = 10.0
_WORDS: dict[int, Word] = {
    WM_CLIPBOARDUPDATE: "clipboard",
    WM_DISPLAYCHANGE: "display",
    WM_WTSSESSION_CHANGE: "session",
}
_HOOKED = (
    (EVENT_SYSTEM_FOREGROUND, EVENT_SYSTEM_FOREGROUND),
    (EVENT_SYSTEM_DESKTOPSWITCH, EVENT_SYSTEM_DESKTOPSWITCH),
    (EVENT_OBJECT_CREATE, EVENT_OBJECT_VALUECHANGE),
    (EVENT_OBJECT_CLOAKED, EVENT_OBJECT_UNCLOAKED),
)


class MessageWindow:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[Word, list[Callable[[], None]]] = {}
        self._jobs: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._told: set[Word] = set()
        self._is_closed = False
        self._ready = threading.Event()
        self.handle = 0
        # As long as Windows may call them, something must hold them.
        self._procedure = WNDPROC(self._received)
        self._on_event = WINEVENTPROC(self._happened)
        self._thread = threading.Thread(target=self._run, name="messages", daemon=True)

    def on(self, word: Word, call: Callable[[], None]) -> None:
        """On the event loop."""
        self._handlers.setdefault(word, []).append(call)

    async def start(self) -> None:
        """Raises DesktopLost where there is no window to be had."""
        self._thread.start()
        if not await asyncio.to_thread(self._ready.wait, _START_SECONDS) or not self.handle:
            raise DesktopLost("Windows gives no window for messages")

    def run(self, job: Callable[[], None]) -> None:
        """On the thread, soon."""
        self._jobs.append(job)
        user32().PostMessageW(self.handle, WM_APP, 0, 0)

    def close(self) -> None:
        self._is_closed = True
        if self.handle:
            user32().PostMessageW(self.handle, WM_CLOSE, 0, 0)
            self._thread.join(_START_SECONDS)

    # --- On the thread

    def _run(self) -> None:
        library = user32()
        name = f"Portcullis.{id(self):x}"
        instance = kernel32().GetModuleHandleW(None)
        kind = WindowClass(procedure=self._procedure, instance=instance, class_name=name)
        if not library.RegisterClassW(ctypes.byref(kind)):
            log.error("Windows refuses a window class: error %d", last_error())
            self._ready.set()
            return
        # Not one for messages alone: those hear no broadcasts, such as that of the session's end.
        style = WS_EX_TOOLWINDOW | WS_EX_NOACTIVATE
        place = (0, 0, 0, 0)
        self.handle = int(
            library.CreateWindowExW(style, name, "Portcullis", WS_POPUP, *place, None, None, instance, None)
            or 0
        )
        if not self.handle:
            log.error("Windows refuses a window: error %d", last_error())
            self._ready.set()
            return
        hooks = self._listen()
        self._ready.set()
        message = Message()
        while library.GetMessageW(ctypes.byref(message), None, 0, 0) > 0:
            library.DispatchMessageW(ctypes.byref(message))
        for hook in filter(None, hooks):
            library.UnhookWinEvent(hook)
        library.UnregisterClassW(name, instance)

    def _listen(self) -> list[Any]:
        library = user32()
        library.AddClipboardFormatListener(self.handle)
        wtsapi32().WTSRegisterSessionNotification(self.handle, NOTIFY_FOR_THIS_SESSION)
        how = WINEVENT_OUTOFCONTEXT | WINEVENT_SKIPOWNPROCESS
        return [library.SetWinEventHook(*events, None, self._on_event, 0, 0, how) for events in _HOOKED]

    def _received(self, window: int, kind: int, wparam: int, lparam: int) -> int:
        if kind == WM_APP:
            while self._jobs:
                self._do(self._jobs.popleft())
            return 0
        if kind == WM_QUERYENDSESSION:
            return 1
        if (kind == WM_ENDSESSION and wparam) or (
            kind == WM_WTSSESSION_CHANGE and wparam == WTS_SESSION_LOGOFF
        ):
            self._tell("ended")
        elif kind in _WORDS:
            self._tell(_WORDS[kind])
        elif kind == WM_CLOSE:
            user32().RemoveClipboardFormatListener(window)
            wtsapi32().WTSUnRegisterSessionNotification(window)
            user32().DestroyWindow(window)
            return 0
        elif kind == WM_DESTROY:
            user32().PostQuitMessage(0)
            return 0
        return int(user32().DefWindowProcW(window, kind, wparam, lparam))

    def _happened(
        self, hook: int, event: int, window: int, object_id: int, child: int, thread: int, at: int
    ) -> None:
        if event == EVENT_SYSTEM_DESKTOPSWITCH:
            self._tell("session")
        elif object_id == OBJID_CURSOR:
            if event != EVENT_OBJECT_LOCATIONCHANGE:
                self._tell("drawn")
        else:
            if object_id == OBJID_WINDOW and event != EVENT_OBJECT_LOCATIONCHANGE and not child:
                self._tell("windows")
            self._tell("drawn")

    def _do(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            # Into Windows, which called, no error may pass.
            log.exception("a job of the message thread failed")

    def _tell(self, word: Word) -> None:
        with self._lock:
            if word in self._told or self._is_closed:
                return
            is_first = not self._told
            self._told.add(word)
        if is_first:
            with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._deliver)

    # --- On the event loop

    def _deliver(self) -> None:
        with self._lock:
            told, self._told = self._told, set()
        if self._is_closed:
            return
        for word in sorted(told):
            for handler in self._handlers.get(word, []):
                handler()
