"""The virtual screen: its size, and another one where the session's display has it.

The size is the computer's. It is changed only where there is one monitor, to a mode that its driver lists, and goes
back when the session is over; elsewhere it stays, and the browser shows it smaller or larger. In a session of Remote
Desktop it is the remote client's.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterable, Iterator

from agents.windows.libraries import user32
from agents.windows.structures import (
    CDS_FULLSCREEN,
    CDS_TEST,
    DISP_CHANGE_SUCCESSFUL,
    DM_PELSHEIGHT,
    DM_PELSWIDTH,
    SM_CMONITORS,
    SM_CXVIRTUALSCREEN,
    SM_CYVIRTUALSCREEN,
    SM_REMOTESESSION,
    SM_XVIRTUALSCREEN,
    SM_YVIRTUALSCREEN,
    DisplayMode,
)
from agents.worker.damage import Box

log = logging.getLogger(__name__)

_MOST_MODES = 1024
_LEAST_WIDTH, _LEAST_HEIGHT = 800, 600
"""Dialogs of Windows do not fit smaller ones."""


def virtual_screen() -> Box:
    """Of all monitors; its corner need not be (0, 0)."""
    metric = user32().GetSystemMetrics
    return Box(
        metric(SM_XVIRTUALSCREEN),
        metric(SM_YVIRTUALSCREEN),
        metric(SM_CXVIRTUALSCREEN),
        metric(SM_CYVIRTUALSCREEN),
    )


def monitor_count() -> int:
    return int(user32().GetSystemMetrics(SM_CMONITORS))


class Display:
    """Its sizes, as far as they are this session's to choose."""

    def __init__(self) -> None:
        self._user32 = user32()
        self._is_changed = False

    @property
    def is_ours(self) -> bool:
        return monitor_count() == 1 and not self._user32.GetSystemMetrics(SM_REMOTESESSION)

    def largest(self) -> tuple[int, int]:
        """What may be asked for: the side lengths of all sizes."""
        current = virtual_screen()
        sizes = [*self._sizes(), (current.width, current.height)] if self.is_ours else []
        widths, heights = zip(*(sizes or [(current.width, current.height)]), strict=True)
        return max(widths), max(heights)

    def resize(self, width: int, height: int) -> None:
        """As near as can be, without being larger; or it stays."""
        current = virtual_screen()
        best = nearest(self._sizes(), width, height) if self.is_ours else None
        if best is None or best == (current.width, current.height):
            return
        mode = _mode(*best)
        if self._change(mode, CDS_TEST) and self._change(mode, CDS_FULLSCREEN):
            self._is_changed = True
        else:
            log.info("the display refused %dx%d", *best)

    def restore(self) -> None:
        """As it was before the first change."""
        if self._is_changed:
            self._is_changed = False
            self._user32.ChangeDisplaySettingsExW(None, None, None, 0, None)

    def _change(self, mode: DisplayMode, how: int) -> bool:
        result = self._user32.ChangeDisplaySettingsExW(None, ctypes.byref(mode), None, how, None)
        return bool(result == DISP_CHANGE_SUCCESSFUL)

    def _sizes(self) -> Iterator[tuple[int, int]]:
        for number in range(_MOST_MODES):
            mode = DisplayMode()
            mode.size = ctypes.sizeof(mode)
            if not self._user32.EnumDisplaySettingsW(None, number, ctypes.byref(mode)):
                return
            yield mode.width, mode.height


def nearest(sizes: Iterable[tuple[int, int]], width: int, height: int) -> tuple[int, int] | None:
    """The largest that fits; None if none of a useful size does."""
    fitting = [
        (each_width, each_height)
        for each_width, each_height in sizes
        if _LEAST_WIDTH <= each_width <= width and _LEAST_HEIGHT <= each_height <= height
    ]
    return max(fitting, key=lambda size: size[0] * size[1], default=None)


def _mode(width: int, height: int) -> DisplayMode:
    mode = DisplayMode()
    mode.size = ctypes.sizeof(mode)
    mode.fields = DM_PELSWIDTH | DM_PELSHEIGHT
    mode.width, mode.height = width, height
    return mode
