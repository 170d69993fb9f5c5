"""What the worker needs of an operating system's desktop: `agents/linux/desktop.py` and `agents/windows/desktop.py`.

Everything runs on the event loop but `read`, which any thread may call. A desktop that is gone raises DesktopLost, from
any method, and tells its listener.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from agents.worker.damage import Box, Pixels
from portcullis.protocol.messages import Input
from portcullis.protocol.worker_channel import Prepare


class DesktopLost(Exception):
    """The display server is gone: so is the session."""


@dataclass(frozen=True, slots=True)
class CursorImage:
    """`rgba` is not premultiplied. A cursor that shows nothing has serial 0."""

    serial: int
    hot_x: int
    hot_y: int
    width: int
    height: int
    rgba: bytes


class DesktopListener(Protocol):
    def damaged(self) -> None:
        """Something was drawn: `take_damage` tells where."""
        ...

    def resized(self, width: int, height: int) -> None: ...

    def cursor_changed(self, cursor: CursorImage) -> None: ...

    def windows_changed(self) -> None:
        """`windows` or `title` changed."""
        ...

    def covered_changed(self) -> None:
        """`covered` is another than before."""
        ...

    def copied(self, text: str) -> None:
        """An application put this on the clipboard."""
        ...

    def desktop_lost(self) -> None: ...


class Desktop(Protocol):
    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def maximum(self) -> tuple[int, int]: ...

    @property
    def cursor(self) -> CursorImage: ...

    @property
    def windows(self) -> int:
        """Mapped top-level windows."""
        ...

    @property
    def title(self) -> str:
        """Of the active window; without control characters."""
        ...

    @property
    def covered(self) -> str:
        """One of covered.py while the screen cannot be seen, nor typed into: its last picture stays. Else empty."""
        ...

    @property
    def capture(self) -> str:
        """By which way the pixels come, as people read it; empty where there is one way alone."""
        ...

    def take_damage(self) -> list[Box]:
        """Where something was drawn since the last call. What `read` gives from here on holds it."""
        ...

    def read(self, box: Box, into: Pixels) -> None:
        """The pixels of the box, which has the shape of `into`."""
        ...

    def view(self, box: Box) -> Pixels:
        """The box in the screen's own memory: it changes as the screen does, and the highest byte may be anything."""
        ...

    def still(self) -> AbstractContextManager[None]:
        """Within, nothing is drawn, if that can be had: for the time that a picture takes to be read. One thread."""
        ...

    def arrange(self, monitors: Sequence[Box]) -> None:
        """The display takes the size of the box around them, as near as can be, and has that many monitors.

        The listener has been told of another size when this returns.
        """
        ...

    def apply(self, message: Input) -> Iterator[float]:
        """Do it; yields seconds to wait before going on."""
        ...

    def offer(self, text: str) -> None:
        """What applications paste from here on."""
        ...

    async def suit(self, prepare: Prepare) -> None:
        """Take the size, scale and keyboard layout of a session, as far as they are others than now."""
        ...

    def close(self) -> None: ...
