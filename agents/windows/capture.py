"""Ways to the screen's pixels, and which of them this computer has.

`windows-capture` (Windows.Graphics.Capture) and `dxcam` (DXGI duplication) are told of changes by the compositor; both
are optional packages that need a graphics driver. GDI is always there. Each is tried by getting a picture: what can be
loaded may still fail there. Those two show one monitor; several are one picture by GDI alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from agents.windows.duplication import Duplication
from agents.windows.gdi import GdiCapture
from agents.windows.graphics_capture import GraphicsCapture
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Pixels

log = logging.getLogger(__name__)


class CaptureBackend(Protocol):
    """Used by one thread, which made it."""

    name: str
    """As administrators read it."""

    def grab(self, seconds: float) -> Pixels | None:
        """The whole virtual screen; valid until the next call. None: nothing new came within that time.

        Raises Uncapturable.
        """
        ...

    def close(self) -> None: ...


MakeBackend = Callable[[Callable[[], None]], CaptureBackend]
"""Given what to call, from any thread, when there is something new; not every one knows."""
BACKENDS: Sequence[MakeBackend] = (GraphicsCapture, Duplication, GdiCapture)
_FIRST_SECONDS = 1.0


def open_backend(
    on_news: Callable[[], None], backends: Sequence[MakeBackend] = BACKENDS
) -> tuple[CaptureBackend, Pixels]:
    """The first that gives a picture, and that. Raises Uncapturable when none does, with the last one's reason."""
    reason = "there is no way to the screen"
    for make in backends:
        try:
            return _probe(make(on_news))
        except Uncapturable as exc:
            reason = str(exc)
            log.info("%s", exc)
    raise Uncapturable(reason)


def _probe(backend: CaptureBackend) -> tuple[CaptureBackend, Pixels]:
    try:
        first = backend.grab(_FIRST_SECONDS)
        if first is None:
            raise Uncapturable(f"{backend.name} gives no picture")
        return backend, first
    except BaseException:
        backend.close()
        raise
