"""Looks at the screen on a thread of its own, and tells the event loop what it found.

Every look asks first whether the screen can be seen at all. A way to it that fails is given up, and the ways are tried
anew: what was best may be gone with the display's mode, and be there again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from agents.windows.capture import CaptureBackend, open_backend
from agents.windows.covers import current_cover
from agents.windows.pace import Pace
from agents.windows.picture import Picture, gathered
from agents.windows.screen import virtual_screen
from agents.windows.uncapturable import Uncapturable
from agents.worker.covered import SCREEN_OFF
from agents.worker.damage import Box, Pixels
from agents.worker.desktop import DesktopLost

log = logging.getLogger(__name__)

_COVERED_SECONDS = 0.25
"""Between two looks whether it can be seen again."""
_ASK_SECONDS = 0.03
"""Between two questions whether it can be seen, and for the pointer."""
_START_SECONDS = 15.0
_LOOK_SECONDS = 0.5
_SMALLEST = 64

Opener = Callable[[Callable[[], None]], tuple[CaptureBackend, Pixels]]


class Told(Protocol):
    """Called on the event loop."""

    def damaged(self) -> None: ...

    def resized(self, width: int, height: int) -> None: ...

    def covered_changed(self) -> None: ...


class ScreenWatch:
    """Until `start` is done there is no picture."""

    picture: Picture

    def __init__(
        self,
        told: Told,
        *,
        on_look: Callable[[], None] = lambda: None,
        open_backend: Opener = open_backend,
        cover: Callable[[], str] = current_cover,
        screen: Callable[[], Box] = virtual_screen,
    ) -> None:
        """`on_look`: what else is to be looked at, on the same thread, as often."""
        self.covered = ""
        """Why the screen cannot be seen now; empty while it can be."""
        self.backend_name = ""
        self._told = told
        self._on_look = on_look
        self._open = open_backend
        self._cover = cover
        self._screen = screen
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Condition()
        """For all that follows."""
        self._pace = Pace()
        self._asked = self._looked = 0
        self._is_closed = False
        self._is_telling = False
        self._damage: list[Box] = []
        self._next: Picture | None = None
        """Of another size, until the event loop takes it."""
        self._next_cover = ""
        self._covered_at = self._asked_at = -math.inf
        self._backend: CaptureBackend | None = None
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)

    async def start(self) -> None:
        """Raises DesktopLost when the screen answers nothing at all."""
        self._thread.start()
        if not await asyncio.to_thread(self._first.wait, _START_SECONDS) or not hasattr(self, "picture"):
            raise DesktopLost("the screen cannot be looked at")
        self.covered = self._next_cover

    # --- On the event loop

    def take_damage(self) -> list[Box]:
        with self._lock:
            is_asleep = self._pace.is_asleep(time.perf_counter())
        if is_asleep:
            self.look()
        with self._lock:
            boxes, self._damage = self._damage, []
            self._pace.taken()
            self._lock.notify_all()
        return boxes

    def look(self) -> None:
        """Now, and wait for what is found; it has been told when this returns."""
        with self._lock:
            self._asked += 1
            wanted = self._asked
            self._lock.notify_all()
            self._lock.wait_for(lambda: self._looked >= wanted or self._is_closed, _LOOK_SECONDS)
        self._deliver()

    def hurry(self) -> None:
        """There was input."""
        with self._lock:
            self._pace.hurried(time.perf_counter())
            self._lock.notify_all()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._lock.notify_all()
        self._thread.join(_LOOK_SECONDS)

    def _deliver(self) -> None:
        with self._lock:
            self._is_telling = False
            if self._is_closed:
                return
            resized, self._next = self._next, None
            if resized is not None:
                self.picture = resized
                self._damage = []
            is_damaged = bool(self._damage)
            is_covered_otherwise = self.covered != self._next_cover
            self.covered = self._next_cover
        if resized is not None:
            self._told.resized(*resized.size)
        if is_covered_otherwise:
            self._told.covered_changed()
        if is_damaged:
            self._told.damaged()

    # --- From any thread

    def hint(self) -> None:
        """Something may have changed."""
        with self._lock:
            self._pace.hinted()
            self._lock.notify_all()

    # --- On the thread

    def _run(self) -> None:
        try:
            while (asked := self._wait()) is not None:
                self._look()
                with self._lock:
                    self._looked = max(self._looked, asked)
                    self._lock.notify_all()
                self._first.set()
        except Exception:
            log.exception(
                "the screen cannot be looked at any more"
            )  # what ends a thread is heard of nowhere else
            with self._lock:
                self._is_closed = True
        finally:
            self._first.set()
            self._give_up()

    def _wait(self) -> int | None:
        """Which request the look that is due now answers; None: there is no further one."""
        with self._lock:
            while not self._is_closed:
                now = time.perf_counter()
                due = self._pace.due_at(now)
                if self._next_cover:
                    due = max(due, self._covered_at + _COVERED_SECONDS)
                if self._asked > self._looked or due <= now:
                    return self._asked
                self._lock.wait(None if due == math.inf else due - now)
        return None

    def _look(self) -> None:
        began = time.perf_counter()
        # Asked for less often than pictures: the three questions took a third of a busy thread.
        asks = began >= self._asked_at + _ASK_SECONDS
        if asks:
            self._asked_at = began
        cover = self._cover() if asks or self._next_cover else ""
        has_changed = False
        if not cover:
            try:
                has_changed = self._see()
            except Uncapturable as exc:
                cover = self._cover() or SCREEN_OFF
                log.info("the screen cannot be seen (%s): %s", cover, exc)
        if cover and not hasattr(self, "picture"):
            screen = self._screen()
            shape = max(screen.height, _SMALLEST), max(screen.width, _SMALLEST)
            self.picture = Picture(np.zeros(shape, np.uint32))
        if asks:
            self._on_look()
        ended = time.perf_counter()
        with self._lock:
            if cover:
                self._covered_at = ended
            self._pace.looked(began, ended, has_changed)
            is_news = has_changed or self._next is not None or cover != self._next_cover
            self._next_cover = cover
        if is_news and self._first.is_set():
            self._tell()

    def _see(self) -> bool:
        """Whether something is new. Raises Uncapturable."""
        frame = self._grab()
        if frame is None:
            return False
        if not hasattr(self, "picture"):
            self.picture = Picture(frame)
            return False
        with self._lock:
            picture = self._next or self.picture
        height, width = frame.shape
        if picture.size != (width, height):
            with self._lock:
                self._next = Picture(frame)
            return True
        boxes = picture.update(frame)
        with self._lock:
            if picture is self.picture and self._next is None:
                self._damage = gathered(self._damage, boxes)
        return bool(boxes)

    def _grab(self) -> Pixels | None:
        if self._backend is not None:
            try:
                return self._backend.grab(0)
            except Uncapturable as exc:
                log.info("%s", exc)
                self._give_up()
        self._backend, frame = self._open(self.hint)
        if self._backend.name != self.backend_name:
            self.backend_name = self._backend.name
            log.info("the screen is captured by %s", self.backend_name)
        return frame

    def _give_up(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            try:
                backend.close()
            except Exception as exc:
                # A way that has failed may fail once more when it is left: nothing is lost by that.
                log.debug("%s could not be closed: %s", backend.name, exc)

    def _tell(self) -> None:
        with self._lock:
            if self._is_telling or self._is_closed:
                return
            self._is_telling = True
        with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._deliver)
