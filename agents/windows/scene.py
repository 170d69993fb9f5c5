"""Which parts of the screen are the application's, by the order in which its windows and others' lie on it. Pure.

A part is shown where the topmost window is one of the application's; all else of the screen is backdrop: other
programs' windows, the shell's, the wallpaper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.worker.damage import Box, Pixels, area

BACKDROP = 0x00202124
LINGER_SECONDS = 0.3
"""Windows fades out what closes, for 0.2 s, and by then it counts as gone."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A top-level window that is on the screen."""

    window: int
    is_ours: bool
    boxes: tuple[Box, ...]
    """What it covers of the picture, counted from the picture's corner: several, of a window that is no rectangle."""
    corner: tuple[int, int] = (0, 0)
    """The window's own, which may lie beside the picture."""


@dataclass(frozen=True, slots=True)
class Scene:
    """`shown` and `hidden` do not overlap, and are the whole picture together."""

    shown: tuple[Box, ...]
    hidden: tuple[Box, ...]
    others: Mapping[int, tuple[Box, ...]] = field(default_factory=dict)
    """What could be seen of each window that is another program's; part of `hidden`."""


def divided(stack: Iterable[Shown], screen: Box) -> Scene:
    """`stack`: the topmost first."""
    rest = [screen]
    shown: list[Box] = []
    others: dict[int, tuple[Box, ...]] = {}
    for window in stack:
        seen: list[Box] = []
        for box in window.boxes:
            seen += filter(None, (part.shared(box) for part in rest))
            rest = [piece for part in rest for piece in part.without(box)]
        if window.is_ours:
            shown += seen
        else:
            others[window.window] = (*others.get(window.window, ()), *seen)
    hidden = [box for boxes in others.values() for box in boxes]
    return Scene(tuple(shown), (*hidden, *rest), others)


def veil(pixels: Pixels, hidden: Iterable[Box]) -> None:
    for box in hidden:
        pixels[area(box)] = BACKDROP


def around(boxes: Sequence[Box]) -> Box | None:
    """The smallest box that holds them all; None of none."""
    whole: Box | None = None
    for box in boxes:
        whole = box if whole is None else whole.joined(box)
    return whole


class Lingering:
    """Divides the screen as `divided` does, but keeps hidden for a moment what other programs' windows have left: they
    may be seen there still."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[tuple[Box, ...], tuple[Box, ...]]] = {}
        """Of each of their windows, what it covered, and what could be seen of it."""
        self._left: list[tuple[float, Shown]] = []

    def divided(self, stack: Sequence[Shown], screen: Box, now: float) -> Scene:
        others = {each.window: each.boxes for each in stack if not each.is_ours}
        for window, (boxes, seen) in self._before.items():
            if seen and others.get(window) != boxes:
                self._left.append((now + LINGER_SECONDS, Shown(0, False, seen)))
        self._left = [each for each in self._left if each[0] > now]
        scene = divided([*(each for _, each in self._left), *stack], screen)
        self._before = {window: (boxes, scene.others.get(window, ())) for window, boxes in others.items()}
        return scene
