"""Several monitors on a display that has one output: what RandR 1.5 calls monitors, which toolkits and window managers
lay windows out by.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import xcffib
import xcffib.randr as randr

from agents.linux.x11 import XConnection
from agents.worker.damage import Box

log = logging.getLogger(__name__)


class Monitors:
    """None are defined while there is one: then the output's own counts, whatever its size."""

    def __init__(self, x: XConnection) -> None:
        self._x = x
        self._randr = x.extension(randr.key)
        self._boxes: tuple[Box, ...] = ()
        self._names: list[int] = []

    def arrange(self, boxes: Sequence[Box], millimetres_per_pixel: float) -> None:
        """`boxes` lie within the display. The first is the primary one."""
        wanted = tuple(boxes) if len(boxes) > 1 else ()
        if wanted == self._boxes:
            return
        try:
            self._forget()
            for number, box in enumerate(wanted):
                self._define(number, box, millimetres_per_pixel)
        except xcffib.Error as exc:
            log.warning("the display refused %d monitors: %s", len(wanted), type(exc).__name__)
            self._forget()
            wanted = ()
        self._boxes = wanted

    def _define(self, number: int, box: Box, millimetres_per_pixel: float) -> None:
        # The output belongs to the first: a monitor that has none beside one that was not named would be a third.
        outputs = [] if number else self._outputs()[:1]
        name = self._x.atom(f"portcullis-{number + 1}")
        place = (box.x, box.y, box.width, box.height)
        sides = (max(1, round(side * millimetres_per_pixel)) for side in (box.width, box.height))
        head = (name, int(number == 0), 0, len(outputs))
        info: Any = randr.MonitorInfo.synthetic(*head, *place, *sides, outputs)  # type: ignore[no-untyped-call, call-arg]
        self._x.check(self._randr.SetMonitorChecked(self._x.root, info))
        self._names.append(name)

    def _forget(self) -> None:
        names, self._names = self._names, []
        for name in names:
            self._randr.DeleteMonitor(self._x.root, name)

    def _outputs(self) -> list[int]:
        return list(self._x.reply(self._randr.GetScreenResources(self._x.root)).outputs)


def within(boxes: Sequence[Box], width: int, height: int) -> list[Box]:
    """Moved so that the box around them begins at (0, 0), and cut to a display of at most this size; at least one."""
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    cut = [box.moved(-left, -top).clipped(width, height) for box in boxes]
    # One far to the right and one far below: the corner between them is nobody's.
    return [box for box in cut if box is not None] or [Box(0, 0, width, height)]


def around(boxes: Sequence[Box]) -> tuple[int, int]:
    """The size of a display that holds them all."""
    return max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
