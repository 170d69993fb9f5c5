"""Lends keycodes that a layout leaves unused to characters that lie nowhere in it. Pure; the caller changes X's map."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence

SETTLE_SECONDS = 0.5
"""For a program of which nobody knows how far it has read: a key lent anew earlier could be read as the newer one."""


class SpareKeys:
    """Lends unused keycodes to keysyms, the longest unused first, never one that is held."""

    def __init__(self, keycodes: Sequence[int]) -> None:
        self._free = list(reversed(keycodes))
        self._lent: OrderedDict[int, tuple[int, float]] = OrderedDict()
        """Keysym -> the keycode that has it, and when it was used last."""

    @property
    def loans(self) -> dict[int, int]:
        """Keycode -> keysym."""
        return {keycode: keysym for keysym, (keycode, _) in self._lent.items()}

    def after(self, keycodes: Sequence[int], still: Collection[int]) -> SpareKeys:
        """With a map that was loaded anew: these are unused, and of those that are lent now these still are."""
        spares = SpareKeys([keycode for keycode in keycodes if keycode not in still])
        spares._lent.update((keysym, loan) for keysym, loan in self._lent.items() if loan[0] in still)
        return spares

    def lent(self, keysym: int, now: float) -> int | None:
        """The keycode that has this keysym already."""
        if keysym not in self._lent:
            return None
        keycode = self._lent[keysym][0]
        self._lent[keysym] = (keycode, now)
        self._lent.move_to_end(keysym)
        return keycode

    def is_lent(self, keycode: int) -> bool:
        return keycode in self.loans

    def next_use(self, held: Collection[int]) -> float | None:
        """When the key that would be lent next was used last; None if that one is unused, or none can be lent."""
        oldest = None if self._free else self._oldest(held)
        return None if oldest is None else self._lent[oldest][1]

    def lend(self, keysym: int, now: float, held: Collection[int]) -> int | None:
        """A keycode to be mapped to this keysym; None while all are held."""
        if self._free:
            keycode = self._free.pop()
        elif (oldest := self._oldest(held)) is not None:
            keycode = self._lent.pop(oldest)[0]
        else:
            return None
        self._lent[keysym] = (keycode, now)
        return keycode

    def _oldest(self, held: Collection[int]) -> int | None:
        return next((keysym for keysym, (keycode, _) in self._lent.items() if keycode not in held), None)
