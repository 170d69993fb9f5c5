"""Where the parts of the question and of the sign lie, in units of 1/96 inch, and what a click on them means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Choice = Literal["allow", "refuse", "end"]

GUARD_SECONDS = 0.8
"""So long *Allow* does not count: a hand may just have been on its way elsewhere."""
DIALOG = (460, 236)
SIGN = (430, 34)
_MARGIN, _BUTTON_WIDTH, _BUTTON_HEIGHT, _END_WIDTH = 24, 128, 36, 64


@dataclass(frozen=True, slots=True)
class Area:
    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height

    def pixels(self, scale: float) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        right, bottom = self.x + self.width, self.y + self.height
        return round(self.x * scale), round(self.y * scale), round(right * scale), round(bottom * scale)


_ROW = DIALOG[1] - _MARGIN - _BUTTON_HEIGHT
ALLOW = Area(DIALOG[0] - _MARGIN - _BUTTON_WIDTH, _ROW, _BUTTON_WIDTH, _BUTTON_HEIGHT)
REFUSE = Area(ALLOW.x - _BUTTON_WIDTH - 12, _ROW, _BUTTON_WIDTH, _BUTTON_HEIGHT)
COUNTING = Area(_MARGIN, _ROW, REFUSE.x - _MARGIN - 12, _BUTTON_HEIGHT)
TITLE = Area(_MARGIN, _MARGIN, DIALOG[0] - 2 * _MARGIN, 24)
TEXT = Area(_MARGIN, TITLE.y + TITLE.height + 10, TITLE.width, _ROW - TITLE.y - TITLE.height - 18)
END = Area(SIGN[0] - _END_WIDTH - 4, 4, _END_WIDTH, SIGN[1] - 8)
SIGN_TEXT = Area(30, 0, END.x - 38, SIGN[1])
SIGN_MARK = Area(14, SIGN[1] / 2 - 4, 8, 8)


class Clicks:
    """A click counts when the button went down and up on the same choice."""

    def __init__(self, choices: Mapping[Choice, Area]) -> None:
        self.choices = choices
        self._pressed: Choice | None = None

    def pressed(self, x: float, y: float) -> None:
        self._pressed = self._at(x, y)

    def released(self, x: float, y: float) -> Choice | None:
        pressed, self._pressed = self._pressed, None
        return pressed if pressed is not None and pressed == self._at(x, y) else None

    def _at(self, x: float, y: float) -> Choice | None:
        return next((choice for choice, area in self.choices.items() if area.holds(x, y)), None)
