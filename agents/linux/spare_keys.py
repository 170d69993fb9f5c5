"""Lends keycodes that a layout leaves unused to characters that lie nowhere in it. Pure; the caller changes X's map."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence

_SETTLE_SECONDS = 0.5
"""Applications read a changed map when they see its event; a key lent anew earlier could be read as the newer one."""


class SpareKeys:
    """Lends unused keycodes to keysyms, the longest unused first, never one that is held."""

    def __init__(self, keycodes: Sequence[int]) -> None:
        self._free = list(reversed(keycodes))
        self._lent: OrderedDict[int, tuple[int, float]] = OrderedDict()

    def lent(self, keysym: int, now: float) -> int | None:
        """The keycode that has this keysym already."""
        if keysym not in self._lent:
            return None
        keycode = self._lent[keysym][0]
        self._lent[keysym] = (keycode, now)
        self._lent.move_to_end(keysym)
        return keycode

    def is_lent(self, keycode: int) -> bool:
        return any(lent == keycode for lent, _ in self._lent.values())

    def wait_seconds(self, now: float, held: Collection[int]) -> float:
        """How long until `lend` may be called."""
        if self._free:
            return 0.0
        oldest = self._oldest(held)
        return _SETTLE_SECONDS if oldest is None else max(0.0, self._lent[oldest][1] + _SETTLE_SECONDS - now)

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
