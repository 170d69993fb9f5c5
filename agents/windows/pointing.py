"""Pointer, buttons and wheel as SendInput's events. Pure."""

from __future__ import annotations

from collections.abc import Callable

from agents.windows.strokes import MouseEvent
from agents.windows.structures import (
    MOUSEEVENTF_ABSOLUTE,
    MOUSEEVENTF_HWHEEL,
    MOUSEEVENTF_LEFTDOWN,
    MOUSEEVENTF_LEFTUP,
    MOUSEEVENTF_MIDDLEDOWN,
    MOUSEEVENTF_MIDDLEUP,
    MOUSEEVENTF_MOVE,
    MOUSEEVENTF_RIGHTDOWN,
    MOUSEEVENTF_RIGHTUP,
    MOUSEEVENTF_VIRTUALDESK,
    MOUSEEVENTF_WHEEL,
    MOUSEEVENTF_XDOWN,
    MOUSEEVENTF_XUP,
    XBUTTON1,
    XBUTTON2,
)
from agents.worker.damage import Box

_LEFT = (MOUSEEVENTF_LEFTDOWN, MOUSEEVENTF_LEFTUP, 0)
_RIGHT = (MOUSEEVENTF_RIGHTDOWN, MOUSEEVENTF_RIGHTUP, 0)
_OTHERS = (
    (4, (MOUSEEVENTF_MIDDLEDOWN, MOUSEEVENTF_MIDDLEUP, 0)),
    (8, (MOUSEEVENTF_XDOWN, MOUSEEVENTF_XUP, XBUTTON1)),
    (16, (MOUSEEVENTF_XDOWN, MOUSEEVENTF_XUP, XBUTTON2)),
)
_PRIMARY, _SECONDARY = 1, 2
_WHOLE = 1 << 16
_MOVE = MOUSEEVENTF_MOVE | MOUSEEVENTF_ABSOLUTE | MOUSEEVENTF_VIRTUALDESK
_MAXIMUM_SCROLL = 32 * 120
"""Of one event: more cannot come from a hand."""


class Pointing:
    def __init__(
        self, do: Callable[[MouseEvent], None], screen: Callable[[], Box], is_swapped: Callable[[], bool]
    ) -> None:
        self._do = do
        self._screen = screen
        self._is_swapped = is_swapped
        self._down: dict[int, tuple[int, int, int]] = {}
        """Bit of `MouseEvent.buttons` -> the button that is down for it."""

    def move(self, x: int, y: int) -> None:
        """Each time: whoever sits at the computer may have moved it meanwhile."""
        screen = self._screen()
        self._do(MouseEvent(_MOVE, absolute(x, screen.width), absolute(y, screen.height)))

    def press(self, buttons: int) -> None:
        """Exactly these are down."""
        for bit, button in self._all_buttons():
            if buttons & bit and bit not in self._down:
                self._down[bit] = button
                self._do(MouseEvent(button[0], data=button[2]))
            elif not buttons & bit and bit in self._down:
                pressed = self._down.pop(bit)
                self._do(MouseEvent(pressed[1], data=pressed[2]))

    def scroll(self, dx: int, dy: int) -> None:
        if dy:
            self._do(MouseEvent(MOUSEEVENTF_WHEEL, data=-_clamped(dy)))
        if dx:
            self._do(MouseEvent(MOUSEEVENTF_HWHEEL, data=_clamped(dx)))

    def release(self) -> None:
        self.press(0)

    def _all_buttons(self) -> tuple[tuple[int, tuple[int, int, int]], ...]:
        # What Windows calls left is the physical button: swapped, it is the secondary one.
        left, right = (_SECONDARY, _PRIMARY) if self._is_swapped() else (_PRIMARY, _SECONDARY)
        return (left, _LEFT), (right, _RIGHT), *_OTHERS


def absolute(position: int, side: int) -> int:
    """The middle of a pixel, as Windows counts: 65536 for the whole side. Rounded either way it is that pixel."""
    inside = min(max(position, 0), side - 1)
    return (2 * inside + 1) * _WHOLE // (2 * side)


def _clamped(delta: int) -> int:
    return max(-_MAXIMUM_SCROLL, min(_MAXIMUM_SCROLL, delta))
