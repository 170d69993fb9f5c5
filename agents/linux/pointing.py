"""Pointer, buttons and wheel into the session by XTEST."""

from __future__ import annotations

from collections.abc import Callable

_BUTTON_PRESS, _BUTTON_RELEASE, _MOTION = 4, 5, 6
_BUTTONS = ((1, 1), (2, 3), (4, 2), (8, 8), (16, 9))
"""Bits of `MouseEvent.buttons` and X's numbers for them."""
_WHEEL_UP, _WHEEL_DOWN, _WHEEL_LEFT, _WHEEL_RIGHT = 4, 5, 6, 7
_NOTCH = 120
_MAXIMUM_CLICKS = 32
"""Of one event: more cannot come from a hand."""


class Pointing:
    """`fake` is XTEST's request: kind, detail, and for a motion where to."""

    def __init__(self, fake: Callable[..., None], size: Callable[[], tuple[int, int]]) -> None:
        self._fake = fake
        self._size = size
        self._buttons = 0
        self._position: tuple[int, int] | None = None
        self._scrolled = [0, 0]

    def move(self, x: int, y: int) -> None:
        width, height = self._size()
        position = min(x, width - 1), min(y, height - 1)
        if position != self._position:
            self._position = position
            self._fake(_MOTION, 0, *position)

    def press(self, buttons: int) -> None:
        """Exactly these are down."""
        for bit, number in _BUTTONS:
            if (buttons ^ self._buttons) & bit:
                self._fake(_BUTTON_PRESS if buttons & bit else _BUTTON_RELEASE, number)
        self._buttons = buttons

    def scroll(self, dx: int, dy: int) -> None:
        axes = ((dx, _WHEEL_LEFT, _WHEEL_RIGHT), (dy, _WHEEL_UP, _WHEEL_DOWN))
        for axis, (delta, backward, forward) in enumerate(axes):
            if delta * self._scrolled[axis] < 0:
                self._scrolled[axis] = 0  # turned round: what was left belongs to the other way
            self._scrolled[axis] += delta
            clicks = int(self._scrolled[axis] / _NOTCH)
            self._scrolled[axis] -= clicks * _NOTCH
            for _ in range(min(abs(clicks), _MAXIMUM_CLICKS)):
                self._fake(_BUTTON_PRESS, forward if clicks > 0 else backward)
                self._fake(_BUTTON_RELEASE, forward if clicks > 0 else backward)

    def release(self) -> None:
        self.press(0)
        self._scrolled = [0, 0]
