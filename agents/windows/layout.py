"""Which key of a keyboard layout gives a character, and with which modifiers. Pure: what the layout says comes in.

Dead keys are not among them: they give nothing until the next key. What lies only there is typed as a character
without a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from agents.windows.keymap import Stroke
from portcullis.protocol.messages import ALT_GRAPH, SHIFT

LEVELS = (0, SHIFT, ALT_GRAPH, SHIFT | ALT_GRAPH)

Says = Callable[[Stroke, int, bool], str | None]
"""A key, modifiers and CapsLock -> the text it gives; None: nothing, or a dead key."""


@dataclass(frozen=True, slots=True)
class Place:
    code: str
    stroke: Stroke
    modifiers: int
    """Exactly these: SHIFT and ALT_GRAPH."""


class Layout:
    def __init__(self, keys: Mapping[str, Stroke], says: Says) -> None:
        """`keys`: code -> its stroke, in this layout."""
        self.keys = dict(keys)
        self._places: dict[tuple[str, bool], list[Place]] = {}
        for (code, stroke), modifiers, has_caps in product(keys.items(), LEVELS, (False, True)):
            text = says(stroke, modifiers, has_caps)
            if text is not None and text.isprintable():
                self._places.setdefault((text, has_caps), []).append(Place(code, stroke, modifiers))

    def best(self, character: str, code: str, held: int, has_caps: bool) -> Place | None:
        """The physical key, if it gives it; else that with the fewest changes to the modifiers that are held."""

        def cost(place: Place) -> tuple[bool, int]:
            return place.code != code, ((place.modifiers ^ held) & (SHIFT | ALT_GRAPH)).bit_count()

        return min(self._places.get((character, has_caps), ()), key=cost, default=None)

    def characters(self) -> Iterable[str]:
        return {text for text, _ in self._places}
