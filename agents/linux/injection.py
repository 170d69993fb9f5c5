"""Keys, text, pointer and wheel into the session by XTEST.

A character is typed with exactly the modifiers and in the group that it needs in the session's layout: others are
lifted for the moment. One that the layout does not have is lent a spare keycode. X's own auto-repeat is off: the
browser repeats, and a stalled connection must not type on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping

import xcffib.xproto as xproto
import xcffib.xtest as xtest

from agents.linux.keyboard_map import read_layout
from agents.linux.keyboard_reader import KeyboardReader
from agents.linux.keymap import NAMED, PHYSICAL
from agents.linux.keysyms import keysym_of
from agents.linux.layout import LEVEL_FIVE, Place
from agents.linux.pointing import Pointing
from agents.linux.spare_keys import SETTLE_SECONDS, SpareKeys
from agents.linux.x11 import XConnection
from agents.linux.xkb_state import XkbState
from agents.worker.injection import SHORTCUT, InputInjector
from agents.worker.keys import MODIFIER_NAMES, shortcut_letter
from portcullis.clock import Clock
from portcullis.protocol.messages import ALT_GRAPH, CAPS_LOCK, NUM_LOCK, SHIFT, Input, Key

_PRESS, _RELEASE, _MOTION = 2, 3, 6
_LATE_SECONDS = 0.1
"""Wine makes its table of keys anew when the map changes, and looks up in it what was pressed before as well."""
_LATE_CLIPBOARD_SECONDS = 0.4
"""Wine fetches what is newly offered in a process of its own, and pastes what it had until then."""
_LATE_SPARES = 6
"""Wine has few numbers left for keys that it does not know, and gives what comes then one and the same."""


class Injector(InputInjector[int]):
    """What is pressed are keycodes."""

    def __init__(
        self, x: XConnection, size: Callable[[], tuple[int, int]], clock: Clock, reads_late: bool = False
    ) -> None:
        """`reads_late`: programs follow a changed map late (Wine's): it changes seldom, and they are given time."""
        self._x = x
        self._clock = clock
        self._xtest = x.extension(xtest.key)
        x.reply(self._xtest.GetVersion(2, 2))
        super().__init__(Pointing(self._fake, size))
        self._state = XkbState(x, self._map_changed)
        self._spares = SpareKeys([])
        self._reads_late = reads_late
        self._few: tuple[int, ...] = ()
        self._keys_wait_until = 0.0
        self._reader = KeyboardReader(x, clock)
        self._read_map()
        self._take_keyboard()
        self._x.flush()

    def _take_keyboard(self) -> None:
        """The session's own: nobody else sits at it."""
        self._state.lock(0)
        self._state.use_group(0)
        self._x.core.ChangeKeyboardControl(xproto.KB.AutoRepeatMode, [xproto.AutoRepeatMode.Off])

    def apply(self, message: Input) -> Iterator[float]:
        self._follow_display()
        if isinstance(message, Key):
            yield from self._waited()
        yield from super().apply(message)

    def offered(self) -> None:
        """Something else is to be pasted from now on."""
        if self._reads_late:
            self._keys_wait_until = self._clock.monotonic() + _LATE_CLIPBOARD_SECONDS

    def _waited(self) -> Iterator[float]:
        if (wait := self._keys_wait_until - self._clock.monotonic()) > 0:
            yield wait

    # --- The display's map and state, which applications may change as well

    def _map_changed(self, keycodes: range) -> None:
        """Of the few keys that are lent where programs read late, nobody else's change matters."""
        self._map_is_stale |= not all(self._spares.is_lent(key) or key in self._few for key in keycodes)

    def _follow_display(self) -> None:
        if self._map_is_stale:
            self._read_map()
        self._state.refresh()

    def _read_map(self) -> None:
        self._map_is_stale = False
        for keycode in self._few:
            self._x.core.ChangeKeyboardMapping(1, keycode, 2, [0, 0])  # the same ones are lent again
        self._layout, still = read_layout(self._x, self._spares.loans)
        first, last = self._x.setup.min_keycode, self._x.setup.max_keycode
        held = set(self._held.values())
        spare = [key for key in self._layout.spare_keycodes(first, last) if key not in held]
        if self._reads_late and not self._few:
            self._few = tuple(spare[:_LATE_SPARES])
        unused = [key for key in self._few if key not in held] if self._reads_late else spare
        self._spares = self._spares.after(unused, still)
        self._state.num_lock_mask = self._layout.num_lock_mask
        self._state.forget()
        self._state.refresh()

    # --- Keys

    def _press_key(self, identity: str, event: Key) -> Iterator[float]:
        self._release(identity)  # a repetition: X ignores a press of what is down
        num_lock = bool(self._state.locks & NUM_LOCK)
        keypad = self._layout.keypad(event.code, event.text, self._is_held(SHIFT), num_lock)
        if keypad is not None:
            keycode, num_lock = keypad
            self._state.lock(self._state.locks & ~NUM_LOCK | (NUM_LOCK if num_lock else 0))
            self._press(identity, keycode)
        elif len(event.text) == 1:
            yield from self._press_character(identity, event)
        elif event.text in NAMED:
            named = self._layout.keycode(NAMED[event.text], event.code)
            if named is None:
                named = yield from self._lend(NAMED[event.text])
            if named is not None:
                self._press(identity, named)
        elif event.code in PHYSICAL and not event.text:
            yield from self._press_place(identity, event.code)

    def _press_place(self, identity: str, code: str) -> Iterator[float]:
        """The browser has no text for the key, yet knows its place: in the user's layout, which is the first."""
        held = self._held_bits()
        character = None if held & SHORTCUT else self._layout.character_at(code, held)
        if character is not None:
            yield from self._put(identity, character, code)
        elif not self._spares.is_lent(PHYSICAL[code]):
            self._state.use_group(0)
            self._press(identity, PHYSICAL[code])

    def _put(self, identity: str, character: str, code: str) -> Iterator[float]:
        place = self._best(character, code)
        keysym = keysym_of(character)
        if place is not None:
            self._press_at(identity, place, place.modifiers)
        elif unlocked := self._best(character, code, self._state.locks & ~CAPS_LOCK):
            self._without_caps_lock(lambda: self._press_at(identity, unlocked, unlocked.modifiers))
        elif keysym is not None:
            keycode = self._layout.keycode(keysym, "") or (yield from self._lend(keysym))
            if keycode is not None:
                self._press_lent(identity, keycode, character, self._held_bits() & ~SHORTCUT if code else 0)
                if self._reads_late:
                    yield from self._caught_up()

    def _lies_plainly(self, text: str) -> bool:
        return any(place.modifiers & ~SHIFT == 0 for place in self._layout.places(text))

    def _press_shortcut(self, identity: str, event: Key) -> Iterator[float]:
        letter = shortcut_letter(event.text, event.code)
        place = self._best(letter, event.code)
        held = self._held_bits()
        if place is None:
            keysym = keysym_of(letter)
            keycode = None if keysym is None else (yield from self._lend(keysym))
            if keycode is not None:
                self._press(identity, keycode)
        elif letter.isalpha() and not place.modifiers & ~SHIFT:
            # Shift is part of the shortcut, not of the letter.
            self._press_at(identity, place, held & (SHORTCUT | SHIFT))
        else:
            self._press_at(identity, place, place.modifiers | held & SHORTCUT)

    def _best(self, character: str, code: str, locks: int | None = None) -> Place | None:
        """Of the places where the character lies, the physical one, else that with the fewest changes.

        `locks`: not those that are on now, but these.
        """
        held = self._held_bits()
        physical = PHYSICAL.get(code)

        def cost(place: Place) -> tuple[bool, int, bool]:
            changes = ((place.modifiers ^ held) & ~SHORTCUT).bit_count()
            return place.group not in (None, self._state.group), changes, place.keycode != physical

        on = self._state.locks if locks is None else locks
        return min(self._layout.places(character, on), key=cost, default=None)

    def _press_at(self, identity: str, place: Place, modifiers: int) -> None:
        self._state.use_group(place.group)
        self._press_with(identity, place.keycode, modifiers)

    def _press_lent(self, identity: str, keycode: int, character: str, modifiers: int) -> None:
        """What a lent key gives, an application makes a capital of under CapsLock."""
        if character.upper() != character:
            self._without_caps_lock(lambda: self._press_with(identity, keycode, modifiers))
        else:
            self._press_with(identity, keycode, modifiers)

    def _without_caps_lock(self, act: Callable[[], None]) -> None:
        locks = self._state.locks
        self._state.lock(locks & ~CAPS_LOCK)
        act()
        self._state.lock(locks)

    def _press(self, identity: str, keycode: int) -> None:
        for other in [name for name, held in self._held.items() if held == keycode]:
            self._release(other)
        self._held[identity] = keycode
        self._down(keycode)

    def _down(self, key: int) -> None:
        self._fake(_PRESS, key)

    def _up(self, key: int) -> None:
        self._fake(_RELEASE, key)

    def _flush(self) -> None:
        self._x.flush()

    # --- Modifiers and locks

    def _modifier_bit(self, event: Key) -> int:
        """Browsers call the shift of the fifth level AltGraph too; the session's layout knows which key it is."""
        bit = super()._modifier_bit(event)
        return self._layout.modifier_at(event.code) or bit if bit == ALT_GRAPH else bit

    def _modifier_key(self, bit: int, code: str = "") -> int | None:
        return self._layout.modifier(bit, code)

    def _keys_of(self, modifiers: int) -> list[int]:
        every = (*MODIFIER_NAMES.values(), LEVEL_FIVE)
        keycodes = (self._layout.modifier(bit) for bit in every if bit & modifiers)
        return [keycode for keycode in keycodes if keycode is not None]

    def _is_stood_for(self, bit: int) -> bool:
        return bit == ALT_GRAPH and self._is_held(LEVEL_FIVE)

    def _sync_locks(self, locks: int) -> None:
        self._state.lock(locks & (CAPS_LOCK | NUM_LOCK))

    # --- Text and spare keys

    def _type(self, text: str) -> Iterator[float]:
        if self._reads_late:
            yield from self._lend_ahead(text)
        yield from super()._type(text)

    def _lend(self, keysym: int) -> Generator[float, None, int | None]:
        """A spare keycode that gives `keysym`; None if all are held."""
        known = self._spares.lent(keysym, self._clock.monotonic())
        if known is not None:
            return known
        yield from self._room()
        keycode = self._spares.lend(keysym, self._clock.monotonic(), self._held.values())
        if keycode is not None:
            yield from self._map({keycode: keysym})
        return keycode

    def _room(self) -> Iterator[float]:
        """Until the key that is to be lent anew was read in its old meaning, as far as that can be known."""
        used = self._spares.next_use(self._held.values())
        if used is None or used <= self._reader.caught_up_at or (yield from self._reader.catch_up()):
            return
        if (wait := used + SETTLE_SECONDS - self._clock.monotonic()) > 0:
            self._x.flush()
            yield wait

    def _lend_ahead(self, text: str) -> Iterator[float]:
        """All that a text needs in one change of the map, as far as there are spare keys that nothing was lent."""
        now, mapped = self._clock.monotonic(), {}
        for character in dict.fromkeys(text):
            keysym = None if self._best(character, "") is not None else keysym_of(character)
            if keysym is None or self._layout.keycode(keysym, "") or self._spares.lent(keysym, now):
                continue
            used = self._spares.next_use(self._held.values())
            if used is not None and used + SETTLE_SECONDS > now:
                break
            if (keycode := self._spares.lend(keysym, now, self._held.values())) is not None:
                mapped[keycode] = keysym
        if mapped:
            yield from self._map(mapped)

    def _map(self, mapped: Mapping[int, int]) -> Iterator[float]:
        """Keycodes to keysyms, both levels alike, so that Shift does not change what they give."""
        if self._reads_late:
            self._tap_shift()
            yield from self._caught_up()
        for keycode, keysym in mapped.items():
            self._x.core.ChangeKeyboardMapping(1, keycode, 2, [keysym, keysym])
        self._state.tell_again()
        if self._reads_late:
            yield from self._caught_up()

    def _caught_up(self) -> Iterator[float]:
        """Until the program has handled all that it was sent, and followed it."""
        yield from self._reader.catch_up()
        yield _LATE_SECONDS

    def _tap_shift(self) -> None:
        """A program asks Xlib for changes of the map only once it has looked up a key."""
        shift = self._layout.modifier(SHIFT)
        if shift is not None and not self._is_held(SHIFT):
            self._down(shift)
            self._up(shift)

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        self._xtest.FakeInput(kind, detail, 0, self._x.root if kind == _MOTION else 0, x, y, 0)
