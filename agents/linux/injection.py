"""Keys, text, pointer and wheel into the session by XTEST.

What was pressed for a physical key is what is released for it, whatever its release says. The modifiers that X sees
follow the flags of every event, so that a release lost while the browser was elsewhere heals with the next event. A
character is typed with exactly the modifiers it needs in the session's layout: others are lifted for the moment. One
that the layout does not have is lent a spare keycode. X's own auto-repeat is off: the browser repeats, and a stalled
connection must not type on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import xcffib.xkb as xkb
import xcffib.xproto as xproto
import xcffib.xtest as xtest

from agents.linux.keymap import (
    LOCK_NAMES,
    MODIFIER_NAMES,
    NAMED,
    PHYSICAL,
    Layout,
    Place,
    SpareKeys,
    keysym_of,
    shortcut_letter,
)
from agents.linux.x11 import XConnection
from portcullis.clock import Clock
from portcullis.protocol.messages import (
    ALT,
    ALT_GRAPH,
    CAPS_LOCK,
    CONTROL,
    META,
    NUM_LOCK,
    SHIFT,
    CommittedText,
    Input,
    Key,
    Pointer,
    ReleaseAll,
    Wheel,
)

_PRESS, _RELEASE, _BUTTON_PRESS, _BUTTON_RELEASE, _MOTION = 2, 3, 4, 5, 6
_BUTTONS = ((1, 1), (2, 3), (4, 2), (8, 8), (16, 9))
"""Bits of `MouseEvent.buttons` and X's numbers for them."""
_WHEEL_UP, _WHEEL_DOWN, _WHEEL_LEFT, _WHEEL_RIGHT = 4, 5, 6, 7
_NOTCH = 120
_MAXIMUM_CLICKS = 32
"""Of one event: more cannot come from a hand."""
_SHORTCUT = CONTROL | ALT | META
_XKB_CORE_KEYBOARD = 0x100
_XKB_LOCKS = {CAPS_LOCK: 1 << 1, NUM_LOCK: 1 << 4}
"""X's real modifiers Lock and Mod2."""
_MAXIMUM_HELD = 64
_TYPED_AT_ONCE = 64
"""Characters; then the event loop has its turn."""


class Injector:
    """`apply` does one input message. It yields the seconds to wait before it goes on, hardly ever any."""

    def __init__(self, x: XConnection, size: Callable[[], tuple[int, int]], clock: Clock) -> None:
        self._x = x
        self._size = size
        self._clock = clock
        self._xtest = x.extension(xtest.key)
        x.reply(self._xtest.GetVersion(2, 2))
        self._xkb = x.extension(xkb.key)
        x.reply(self._xkb.UseExtension(1, 0))
        self._layout = read_layout(x)
        self._spares = SpareKeys(self._layout.spare_keycodes)
        self._held: dict[str, int] = {}
        """Physical code, or the text of a key without one -> the keycode that is down for it."""
        self._modifier_keys: dict[str, int] = {}
        """Those of `held` that are modifiers -> their bit."""
        self._buttons = 0
        self._position: tuple[int, int] | None = None
        self._scrolled = [0, 0]
        self._locks = 0
        self._set_locks(CAPS_LOCK | NUM_LOCK, 0)
        self._x.core.ChangeKeyboardControl(xproto.KB.AutoRepeatMode, [xproto.AutoRepeatMode.Off])
        self._x.flush()

    def apply(self, message: Input) -> Iterator[float]:
        match message:
            case Key():
                yield from self._key(message)
            case CommittedText():
                yield from self._type(message.text)
            case Pointer():
                self._sync_modifiers(message.modifiers)
                self._move(message.x, message.y)
                self._press_buttons(message.buttons)
            case Wheel():
                self._sync_modifiers(message.modifiers)
                self._move(message.x, message.y)
                self._scroll(message.dx, message.dy)
            case ReleaseAll():
                self._release_all()
        self._x.flush()

    # --- Keys

    def _key(self, event: Key) -> Iterator[float]:
        identity = event.code or event.text
        if not event.down:
            self._release(identity)
            self._sync_modifiers(event.modifiers, MODIFIER_NAMES.get(event.text, 0))
            return
        self._sync_modifiers(event.modifiers, MODIFIER_NAMES.get(event.text, 0))
        if event.text in LOCK_NAMES:
            return  # the state of the locks comes with every event
        self._sync_locks(event.locks)
        if event.text in MODIFIER_NAMES:
            self._press_modifier(identity, MODIFIER_NAMES[event.text], event.code)
            return
        self._release(identity)  # a repetition: X ignores a press of what is down
        if len(self._held) >= _MAXIMUM_HELD:
            self._release_all()
        yield from self._press_key(identity, event)

    def _press_key(self, identity: str, event: Key) -> Iterator[float]:
        keypad = self._layout.keypad(event.code, event.text)
        if keypad is not None:
            self._press_on_keypad(identity, *keypad)
        elif len(event.text) == 1:
            yield from self._press_character(identity, event)
        elif event.text in NAMED:
            keycode = self._layout.keycode(NAMED[event.text], event.code)
            if keycode is None:
                keycode = yield from self._lend(NAMED[event.text])
            if keycode is not None:
                self._press(identity, keycode)

    def _press_on_keypad(self, identity: str, keycode: int, second_level: bool | None) -> None:
        if second_level is not None:
            num_lock = second_level != self._is_held(SHIFT)
            self._set_locks(NUM_LOCK, NUM_LOCK if num_lock else 0)
        self._press(identity, keycode)

    def _press_character(self, identity: str, event: Key) -> Iterator[float]:
        if self._is_shortcut(event):
            yield from self._press_shortcut(identity, event)
            return
        place = self._best(event.text, event.code)
        keysym = keysym_of(event.text)
        if place is not None:
            with_modifiers = self._wanted(place)
            self._press_with(identity, place.keycode, with_modifiers)
        elif keysym is not None:
            keycode = yield from self._lend(keysym)
            if keycode is not None:
                self._press_with(identity, keycode, self._held_bits() & ~_SHORTCUT)

    def _is_shortcut(self, event: Key) -> bool:
        held = event.modifiers & _SHORTCUT
        if event.modifiers & ALT_GRAPH or not held:
            return False
        # Option on a Mac makes characters as AltGraph does elsewhere, yet is called Alt.
        is_option_text = held == ALT and not event.text.isascii()
        return not (is_option_text and not self._lies_plainly(event.text))

    def _lies_plainly(self, text: str) -> bool:
        return any(not place.alt_graph for place in self._layout.places(text))

    def _press_shortcut(self, identity: str, event: Key) -> Iterator[float]:
        letter = shortcut_letter(event.text, event.code)
        place = self._best(letter, event.code)
        if place is None:
            keysym = keysym_of(letter)
            keycode = None if keysym is None else (yield from self._lend(keysym))
            if keycode is not None:
                self._press(identity, keycode)
        elif letter.isalpha():
            self._press(identity, place.keycode)  # Shift is part of the shortcut, not of the letter
        else:
            self._press_with(identity, place.keycode, self._wanted(place) | self._held_bits() & _SHORTCUT)

    def _best(self, character: str, code: str) -> Place | None:
        """Of the places where the character lies, the physical one, else that with the fewest changes."""
        held = self._held_bits()
        physical = PHYSICAL.get(code)

        def cost(place: Place) -> tuple[int, bool]:
            return (self._wanted(place) ^ held).bit_count(), place.keycode != physical

        return min(self._layout.places(character), key=cost, default=None)

    def _wanted(self, place: Place) -> int:
        """The modifiers that must be down for the place. CapsLock does Shift's work on letters."""
        caps = bool(self._locks & CAPS_LOCK) and self._layout.is_alphabetic(place.keycode)
        shift = place.shift != (caps and not place.alt_graph)
        return (SHIFT if shift else 0) | (ALT_GRAPH if place.alt_graph else 0)

    def _press_with(self, identity: str, keycode: int, modifiers: int) -> None:
        """Press the key while exactly these modifiers are down, then put back those that are held."""
        held = self._held_bits()
        lifted = [key for key, bit in self._modifier_keys.items() if bit & held & ~modifiers]
        added = self._modifier_keycodes(modifiers & ~held)
        for key in lifted:
            self._fake(_RELEASE, self._held[key])
        for modifier in added:
            self._fake(_PRESS, modifier)
        self._press(identity, keycode)
        for modifier in reversed(added):
            self._fake(_RELEASE, modifier)
        for key in reversed(lifted):
            self._fake(_PRESS, self._held[key])

    def _modifier_keycodes(self, modifiers: int) -> list[int]:
        keycodes = (self._layout.modifier(bit) for bit in MODIFIER_NAMES.values() if bit & modifiers)
        return [keycode for keycode in keycodes if keycode is not None]

    def _press(self, identity: str, keycode: int) -> None:
        for other in [name for name, held in self._held.items() if held == keycode]:
            self._release(other)
        self._held[identity] = keycode
        self._fake(_PRESS, keycode)

    def _release(self, identity: str) -> None:
        keycode = self._held.pop(identity, None)
        self._modifier_keys.pop(identity, None)
        if keycode is not None:
            self._fake(_RELEASE, keycode)

    # --- Modifiers and locks

    def _press_modifier(self, identity: str, bit: int, code: str) -> None:
        keycode = self._layout.modifier(bit, code)
        if keycode is not None and identity not in self._held:
            self._press(identity, keycode)
            self._modifier_keys[identity] = bit

    def _sync_modifiers(self, modifiers: int, own_bit: int = 0) -> None:
        """`own_bit`: of the modifier key that the event is about, which is not to be pressed in its stead."""
        if modifiers & ALT_GRAPH:
            modifiers &= ~(CONTROL | ALT)  # Windows calls AltGraph so
        for bit in MODIFIER_NAMES.values():
            keys = [key for key, held in self._modifier_keys.items() if held == bit]
            if modifiers & bit and not keys and bit != own_bit:
                self._press_modifier(f"held:{bit}", bit, "")
            elif not modifiers & bit:
                for key in keys:
                    self._release(key)

    def _held_bits(self) -> int:
        bits = 0
        for bit in self._modifier_keys.values():
            bits |= bit
        return bits

    def _is_held(self, bit: int) -> bool:
        return bit in self._modifier_keys.values()

    def _sync_locks(self, locks: int) -> None:
        self._set_locks(CAPS_LOCK | NUM_LOCK, locks & (CAPS_LOCK | NUM_LOCK))

    def _set_locks(self, affected: int, locks: int) -> None:
        wanted = self._locks & ~affected | locks
        changed = [bit for bit in _XKB_LOCKS if (wanted ^ self._locks) & bit]
        mask = sum(_XKB_LOCKS[bit] for bit in changed)
        values = sum(_XKB_LOCKS[bit] for bit in changed if wanted & bit)
        if mask:
            self._xkb.LatchLockState(_XKB_CORE_KEYBOARD, mask, values, False, 0, 0, False, 0)
        self._locks = wanted

    # --- Text and spare keys

    def _type(self, text: str) -> Iterator[float]:
        for number, character in enumerate(text.replace("\r\n", "\n"), 1):
            place = self._best(character, "")
            keysym = keysym_of(character)
            if place is not None:
                self._press_with("text", place.keycode, self._wanted(place))
            elif keysym is not None:
                keycode = self._layout.keycode(keysym, "") or (yield from self._lend(keysym))
                if keycode is not None:
                    self._press_with("text", keycode, 0)
            self._release("text")
            if number % _TYPED_AT_ONCE == 0:
                self._x.flush()
                yield 0.0

    def _lend(self, keysym: int) -> Generator[float, None, int | None]:
        """A spare keycode that gives `keysym`. Waits while all were used too recently."""
        known = self._spares.lent(keysym, self._clock.monotonic())
        if known is not None:
            return known
        while (wait := self._spares.wait_seconds(self._clock.monotonic(), self._held.values())) > 0:
            self._x.flush()
            yield wait
        keycode = self._spares.lend(keysym, self._clock.monotonic(), self._held.values())
        if keycode is not None:
            # Both levels alike, so that neither Shift nor CapsLock changes what it gives.
            self._x.core.ChangeKeyboardMapping(1, keycode, 2, [keysym, keysym])
        return keycode

    # --- Pointer

    def _move(self, x: int, y: int) -> None:
        width, height = self._size()
        position = min(x, width - 1), min(y, height - 1)
        if position != self._position:
            self._position = position
            self._fake(_MOTION, 0, *position)

    def _press_buttons(self, buttons: int) -> None:
        for bit, number in _BUTTONS:
            if (buttons ^ self._buttons) & bit:
                self._fake(_BUTTON_PRESS if buttons & bit else _BUTTON_RELEASE, number)
        self._buttons = buttons

    def _scroll(self, dx: int, dy: int) -> None:
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

    def _release_all(self) -> None:
        for identity in list(self._held):
            self._release(identity)
        self._press_buttons(0)
        self._scrolled = [0, 0]

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        self._xtest.FakeInput(kind, detail, 0, self._x.root if kind == _MOTION else 0, x, y, 0)


def read_layout(x: XConnection) -> Layout:
    first: int = x.setup.min_keycode
    count = x.setup.max_keycode - first + 1
    reply: Any = x.reply(x.core.GetKeyboardMapping(first, count))
    width = reply.keysyms_per_keycode
    keysyms = list(reply.keysyms)
    return Layout(first, [keysyms[start : start + width] for start in range(0, len(keysyms), width)])
