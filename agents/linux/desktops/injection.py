"""Keys, text and pointer on a keyboard that somebody else uses too: it is left as it was found, key by key.

Its layout, its groups and locks, and its auto-repeat are the person's. A group or lock that a character needs is set
for that key and set back. Keys but modifiers are struck, not held: the server repeats held ones, and a connection that
stalls must not type on. A character that lies on no key is lent a spare one, which is given back when those who typed
it let go of the keyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from agents.linux.injection import Injector
from agents.linux.x11 import XConnection
from portcullis.clock import Clock
from portcullis.protocol.messages import Input, ReleaseAll

_NO_SYMBOLS = (0, 0)


class GuestInjector(Injector):
    _is_modifier = False

    def __init__(self, x: XConnection, size: Callable[[], tuple[int, int]], clock: Clock) -> None:
        self._borrowed: set[int] = set()
        """Also those that a map which was read anew takes for the layout's own."""
        super().__init__(x, size, clock)

    def apply(self, message: Input) -> Iterator[float]:
        self._follow_display()
        group, locks = self._state.group, self._state.locks
        yield from super().apply(message)
        self._state.use_group(group)
        self._state.lock(locks)
        if isinstance(message, ReleaseAll):
            self.give_back()
        self._x.flush()

    def give_back(self) -> None:
        """The keys that were lent."""
        for keycode in self._borrowed:
            self._x.core.ChangeKeyboardMapping(1, keycode, len(_NO_SYMBOLS), _NO_SYMBOLS)
            self._map_is_stale = True
        self._borrowed.clear()

    def _lend(self, keysym: int) -> Generator[float, None, int | None]:
        keycode = yield from super()._lend(keysym)
        if keycode is not None:
            self._borrowed.add(keycode)
        return keycode

    def _take_keyboard(self) -> None:
        """It is somebody's."""

    def _sync_locks(self, locks: int) -> None:
        """The person's are. Characters are found under whichever hold."""

    def _press_modifier(self, identity: str, bit: int, code: str) -> None:
        self._is_modifier = True
        try:
            super()._press_modifier(identity, bit, code)
        finally:
            self._is_modifier = False

    def _press(self, identity: str, keycode: int) -> None:
        super()._press(identity, keycode)
        if not self._is_modifier:
            self._release(identity)
