"""What is locked on the display's keyboard: CapsLock, NumLock, and the group (the layout of those loaded together).

An application may change these too, or load another map: `refresh` and `on_new_map` tell. What is asked for here is
done by the server in the order of the requests, so a key that is pressed next sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import xcffib.xkb as xkb

from agents.linux.keyboard_map import CORE_KEYBOARD
from agents.linux.layout import LOCK_MASK, SHIFT_MASK
from agents.linux.x11 import XConnection
from portcullis.protocol.messages import CAPS_LOCK, NUM_LOCK

# All events of XKB share one number, so xcffib takes each for the first of them; their kind stands in all at one place.
_NEW_KEYBOARD, _MAP, _STATE = 0, 1, 2
_EVENTS = (1 << _NEW_KEYBOARD) | (1 << _MAP) | (1 << _STATE)
_MAP_PARTS = xkb.MapPart.KeyTypes | xkb.MapPart.KeySyms | xkb.MapPart.ModifierMap
_NEW_KEYBOARD_PARTS = 0b111
_LOCKED = xkb.StatePart.ModifierLock | xkb.StatePart.GroupLock


class XkbState:
    """`on_new_map` is called with the keycodes whose meaning changed, by whomever."""

    def __init__(self, x: XConnection, on_new_map: Callable[[range], None]) -> None:
        self._x = x
        self._on_new_map = on_new_map
        self._xkb: Any = x.extension(xkb.key)
        x.reply(self._xkb.UseExtension(1, 0))
        self._select_events()
        x.on(xkb.NewKeyboardNotifyEvent, self._heard)
        self.locks = 0
        self.group = 0
        self.num_lock_mask = 0
        self._shift_lock = 0
        self._is_stale = True

    def refresh(self) -> None:
        """`locks` and `group` as they are, if someone else may have changed them."""
        if not self._is_stale:
            return
        self._is_stale = False
        state: Any = self._x.reply(self._xkb.GetState(CORE_KEYBOARD))
        caps = CAPS_LOCK if state.lockedMods & LOCK_MASK else 0
        self.locks = caps | (NUM_LOCK if state.lockedMods & self.num_lock_mask else 0)
        self.group = int(state.lockedGroup)
        self._shift_lock = state.lockedMods & SHIFT_MASK

    def forget(self) -> None:
        self._is_stale = True

    def lock(self, locks: int) -> None:
        """Exactly these of CAPS_LOCK and NUM_LOCK, none else."""
        mask, values = 0, 0
        for bit, real in ((CAPS_LOCK, LOCK_MASK), (NUM_LOCK, self.num_lock_mask)):
            if (self.locks ^ locks) & bit:
                mask |= real
                values |= real if locks & bit else 0
        self.locks = locks
        if mask:
            self._lock(mask, values)

    def tell_again(self) -> None:
        """Every program hears what is held and locked, though nothing changed.

        Qt asks for map and state together when it hears of a new map, and takes the answer for the state of that time.
        Who is behind thus learns what is held later, say that Shift is up again, and looks up by it what was pressed
        before.
        """
        for value in (self._shift_lock ^ SHIFT_MASK, self._shift_lock):
            self._lock(SHIFT_MASK, value)

    def use_group(self, group: int | None) -> None:
        """None: whichever it is."""
        if group is not None and group != self.group:
            self.group = group
            self._xkb.LatchLockState(CORE_KEYBOARD, 0, 0, True, group, 0, False, 0)

    def _lock(self, mask: int, values: int) -> None:
        self._xkb.LatchLockState(CORE_KEYBOARD, mask, values, False, 0, 0, False, 0)

    def _select_events(self) -> None:
        details = [*(_NEW_KEYBOARD_PARTS,) * 2, *(_LOCKED,) * 2]
        self._xkb.SelectEvents(CORE_KEYBOARD, _EVENTS, 0, 0, _MAP_PARTS, _MAP_PARTS, details)

    def _heard(self, event: Any) -> None:
        if event.xkbType == _NEW_KEYBOARD:
            self._on_new_map(range(event.minKeyCode, event.maxKeyCode + 1))
        elif event.xkbType == _MAP:
            changed: Any = xkb.MapNotifyEvent(event)  # type: ignore[no-untyped-call]
            self._on_new_map(range(changed.firstKeySym, changed.firstKeySym + changed.nKeySyms))
        elif event.xkbType == _STATE:
            self._is_stale = True
