"""The display's size by RandR, and its keyboard layout.

Xvfb cannot grow beyond the size it was started with, so that is the maximum. A change is read back, and tried once
more if the server did not take it (seen when two changes follow each other at once).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import xcffib
import xcffib.randr as randr

from agents.linux.capture import Framebuffer
from agents.linux.keyboard_groups import Named, attempts
from agents.linux.monitors import Monitors, around, within
from agents.linux.x11 import XConnection
from agents.worker.damage import Box

log = logging.getLogger(__name__)

MINIMUM_SIDE = 64
"""Toolkits fail on displays of a few pixels."""
_ROTATE_0 = 1
_REFRESH_HERTZ = 60
_SETXKBMAP_SECONDS = 5.0


class Screen:
    """`on_resized` is called when the display's size changed, by whomever."""

    def __init__(
        self,
        x: XConnection,
        memory: Framebuffer,
        on_resized: Callable[[int, int], None],
    ) -> None:
        self._x = x
        self._memory = memory
        self.maximum = (memory.width, memory.height)
        self._millimetres_per_pixel = 0.0
        self._on_resized = on_resized
        self._randr = x.extension(randr.key)
        x.reply(self._randr.QueryVersion(1, 5))
        self._randr.SelectInput(x.root, randr.NotifyMask.ScreenChange)
        self._own_modes: set[int] = set()
        self._monitors = Monitors(x)
        self.size = self._read_size()
        x.on(randr.ScreenChangeNotifyEvent, lambda event: self._look())

    def suit(self, width: int, height: int, device_pixel_ratio: float) -> None:
        """Size and scale. Clients that connect from now on are told of the millimetres, and compute dots per inch."""
        before = self._millimetres_per_pixel
        self._millimetres_per_pixel = 25.4 / (96 * device_pixel_ratio)
        self.resize(width, height, is_same=self._millimetres_per_pixel == before)

    def arrange(self, boxes: Sequence[Box]) -> None:
        """The display takes the size of the box around them, as near as it can; applications see that many monitors."""
        placed = within(boxes, *self.maximum)
        self.resize(*around(placed))
        self._monitors.arrange(placed, self._millimetres_per_pixel)

    def resize(self, width: int, height: int, is_same: bool = True) -> None:
        """As near to this size as the display can be. The outcome is `size`; `on_resized` has been called."""
        wanted = self._clamped(width, height)
        for _ in range(2):
            if self.size == wanted and is_same:
                return
            is_same = True
            try:
                self._memory.make_room(*wanted)
                self._set_mode(*wanted)
            except (xcffib.Error, OSError) as exc:
                log.warning("the display refused %dx%d: %s", *wanted, type(exc).__name__)
            self._look()
            self._memory.give_back(*self.size)

    def _clamped(self, width: int, height: int) -> tuple[int, int]:
        sides = zip((width, height), self.maximum, strict=True)
        clamped_width, clamped_height = (min(max(side, MINIMUM_SIDE), most) for side, most in sides)
        return clamped_width, clamped_height

    def _look(self) -> None:
        size = self._read_size()
        if size != self.size:
            self.size = size
            self._on_resized(*size)

    def _read_size(self) -> tuple[int, int]:
        geometry = self._x.reply(self._x.core.GetGeometry(self._x.root))
        return geometry.width, geometry.height

    def _set_mode(self, width: int, height: int) -> None:
        resources = self._x.reply(self._randr.GetScreenResources(self._x.root))
        crtc, output = resources.crtcs[0], resources.outputs[0]
        mode = self._mode(resources, output, width, height)
        self._configure(crtc, 0, [])  # else the screen cannot become smaller than the mode it shows
        sides = (max(1, round(side * self._millimetres_per_pixel)) for side in (width, height))
        self._x.check(self._randr.SetScreenSizeChecked(self._x.root, width, height, *sides))
        self._configure(crtc, mode, [output])
        self._forget_modes(output, keep=mode)

    def _configure(self, crtc: int, mode: int, outputs: list[int]) -> None:
        cookie = self._randr.SetCrtcConfig(crtc, 0, 0, 0, 0, mode, _ROTATE_0, len(outputs), outputs)
        self._x.reply(cookie)

    def _mode(self, resources: Any, output: int, width: int, height: int) -> int:
        names = bytes(resources.names)
        offset = 0
        wanted = _mode_name(width, height)
        for mode in resources.modes:
            if names[offset : offset + mode.name_len] == wanted:
                return int(mode.id)
            offset += mode.name_len
        return self._new_mode(output, wanted, width, height)

    def _new_mode(self, output: int, name: bytes, width: int, height: int) -> int:
        clock = width * height * _REFRESH_HERTZ
        timing = (width, width, width, 0, height, height, height)
        size = (0, width, height, clock)
        info = randr.ModeInfo.synthetic(*size, *timing, len(name), 0)  # type: ignore[no-untyped-call]
        cookie = self._randr.CreateMode(self._x.root, info, len(name), name)
        mode = int(self._x.reply(cookie).mode)
        self._own_modes.add(mode)
        self._x.check(self._randr.AddOutputModeChecked(output, mode))
        return mode

    def _forget_modes(self, output: int, keep: int) -> None:
        for mode in self._own_modes - {keep}:
            self._randr.DeleteOutputMode(output, mode)
            self._randr.DestroyMode(mode)
        self._own_modes &= {keep}


async def load_layout(x: XConnection, layout: str, locale: str) -> None:
    """Load the user's keyboard layout, such as `de` or `us(intl)`, or what comes nearest to it."""
    for groups in attempts(layout, locale):
        if await _setxkbmap(x, groups):
            return
        log.warning("no keyboard layout %s", ",".join(map(str, groups)))


async def _setxkbmap(x: XConnection, groups: Sequence[Named]) -> bool:
    layouts = ",".join(group.layout for group in groups)
    variants = ",".join(group.variant for group in groups)
    command = ("setxkbmap", "-display", x.display, "-layout", layouts, "-variant", variants, "-option", "")
    null = asyncio.subprocess.DEVNULL
    try:
        # The cookie's place stands in this process's own environment (x11.py).
        process = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=null)
    except OSError as exc:
        log.error("setxkbmap cannot be started: %s", exc)
        return False
    try:
        return await asyncio.wait_for(process.wait(), _SETXKBMAP_SECONDS) == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False


def _mode_name(width: int, height: int) -> bytes:
    # The server's own mode bears the plain name, and a name can be had only once.
    return f"portcullis-{width}x{height}".encode()
