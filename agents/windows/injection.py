"""Keys, text, pointer and wheel into the session, as the events that SendInput takes. No call of Windows is made here.

What was pressed for a physical key is what is released for it, whatever its release says. The modifiers that Windows
sees follow the flags of every event. A character is typed by the key that gives it in the layout of whoever has the
focus, with exactly the modifiers that it needs; one that lies on no key, or on a dead key, goes as a character
(KEYEVENTF_UNICODE). AltGr is never held: it is Control and Alt together, which applications would take for a shortcut,
so it is pressed around the characters that need it. Each message's events go in one call: nothing comes between them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from agents.windows.keymap import (
    ALT_GRAPH_STROKES,
    CAPS_LOCK_STROKE,
    CHORDS,
    MODIFIERS,
    NAMED,
    NUM_LOCK_STROKE,
    PHYSICAL,
    UNASSIGNED,
    VK_RETURN,
    VK_TAB,
    Stroke,
    is_keypad_digit,
    keypad,
    modifier,
)
from agents.windows.layout import Layout
from agents.windows.pointing import Pointing
from agents.windows.strokes import Event, KeyEvent
from agents.worker.damage import Box
from agents.worker.keys import LOCK_NAMES, MODIFIER_NAMES, shortcut_letter
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

log = logging.getLogger(__name__)

_SHORTCUT = CONTROL | ALT | META
_MENU = ALT | META
_MAXIMUM_HELD = 64
_TYPED_AT_ONCE = 64
"""Characters; then the event loop has its turn."""


class Keyboard(Protocol):
    """What Windows knows of its keyboard."""

    def layout(self) -> Layout:
        """Of whoever has the focus."""
        ...

    def locks(self) -> int:
        """CAPS_LOCK and NUM_LOCK, as they are now."""
        ...

    def stroke_at(self, scan: int, is_extended: bool) -> Stroke | None:
        """What the key at this place is in that layout."""
        ...


class Injector:
    """`apply` does one input message."""

    def __init__(
        self,
        keyboard: Keyboard,
        send: Callable[[Sequence[Event]], None],
        screen: Callable[[], Box],
        is_swapped: Callable[[], bool] = bool,
    ) -> None:
        """`screen`: the virtual one; `is_swapped`: whether the left button is the right hand's."""
        self._keyboard = keyboard
        self._send = send
        self._events: list[Event] = []
        self._pointing = Pointing(self._events.append, screen, is_swapped)
        self._held: dict[str, Stroke] = {}
        """Physical code, or the text of a key without one -> what is down for it."""
        self._modifier_keys: dict[str, int] = {}
        """Those of `held` that are modifiers -> their bit."""

    def apply(self, message: Input) -> Iterator[float]:
        match message:
            case Key():
                self._key(message)
            case CommittedText():
                yield from self._type(message.text)
            case Pointer():
                self._sync_modifiers(message.modifiers)
                self._pointing.move(message.x, message.y)
                self._pointing.press(message.buttons)
            case Wheel():
                self._sync_modifiers(message.modifiers)
                self._pointing.move(message.x, message.y)
                self._pointing.scroll(message.dx, message.dy)
            case ReleaseAll():
                self.release_all()
        self._flush()

    def release_all(self) -> None:
        """Nothing stays down."""
        for identity in list(self._held):
            self._release(identity)
        self._pointing.release()
        self._flush()

    def _flush(self) -> None:
        if self._events:
            self._send(tuple(self._events))
            self._events.clear()

    # --- Keys

    def _key(self, event: Key) -> None:
        identity = event.code or event.text
        bit = MODIFIER_NAMES.get(event.text, 0)
        if not event.down:
            self._release(identity)
            self._sync_modifiers(event.modifiers, bit)
            return
        self._sync_modifiers(event.modifiers, bit)
        if event.text in LOCK_NAMES or bit == ALT_GRAPH:
            return  # the state of the locks comes with every event
        self._sync_locks(event.locks | (NUM_LOCK if is_keypad_digit(event.code, event.text) else 0))
        if bit:
            self._press_modifier(identity, bit, event.code)
            return
        if len(self._held) >= _MAXIMUM_HELD and identity not in self._held:
            self.release_all()
        self._press_key(identity, event)

    def _press_key(self, identity: str, event: Key) -> None:
        own = keypad(event.code, event.text)
        if own is not None:
            # Shift with NumLock turns the keypad's digits into arrows: neither is seen by applications.
            is_turned = len(event.text) > 1 and bool(event.locks & NUM_LOCK)
            self._press_with(identity, own, self._held_bits() & ~(SHIFT if is_turned else 0))
        elif len(event.text) == 1:
            self._press_character(identity, event)
        elif event.text in NAMED:
            self._press(identity, NAMED[event.text])
        elif event.text in CHORDS:
            self._press_letter(identity, CHORDS[event.text], "", CONTROL)
        elif event.code in PHYSICAL and not event.text:
            # The browser has no text for the key, yet knows its place.
            stroke = self._keyboard.stroke_at(*PHYSICAL[event.code])
            if stroke is not None:
                self._press(identity, stroke)
        elif len(event.text) > 1 and event.text[0] not in _CAPITALS:
            for character in event.text:  # a ligature, or a dead key with a letter that it does not go with
                self._put(identity, character, "")

    def _press_character(self, identity: str, event: Key) -> None:
        if self._is_shortcut(event):
            letter = shortcut_letter(event.text, event.code)
            self._press_letter(identity, letter, event.code, self._held_bits() & _SHORTCUT)
        else:
            self._put(identity, event.text, event.code)

    def _is_shortcut(self, event: Key) -> bool:
        held = event.modifiers & _SHORTCUT
        if event.modifiers & ALT_GRAPH or not held:
            return False
        # Option on a Mac makes characters as AltGraph does elsewhere, yet older clients call it Alt.
        is_option_text = held == ALT and not event.text.isascii()
        return not is_option_text or self._lies_plainly(event.text)

    def _lies_plainly(self, text: str) -> bool:
        place = self._keyboard.layout().best(text, "", 0, False)
        return place is not None and not place.modifiers & ~SHIFT

    def _press_letter(self, identity: str, letter: str, code: str, modifiers: int) -> None:
        """A shortcut: the letter's key with these modifiers."""
        place = self._keyboard.layout().best(letter, code, self._held_bits(), False)
        if place is None:
            stroke = self._latin_stroke(letter, code)
            if stroke is not None:
                self._press_with(identity, stroke, modifiers | self._held_bits() & SHIFT)
        elif letter.isalpha() and not place.modifiers & ~SHIFT:
            # Shift is part of the shortcut, not of the letter.
            self._press_with(identity, place.stroke, modifiers | self._held_bits() & SHIFT)
        else:
            self._press_with(identity, place.stroke, modifiers | place.modifiers)

    def _latin_stroke(self, letter: str, code: str) -> Stroke | None:
        """Of a letter that the layout has not: applications know shortcuts by the virtual key, which is the letter."""
        scan, is_extended = PHYSICAL.get(code, (0, False))
        if letter.isascii() and letter.isalnum():
            return Stroke(ord(letter.upper()), scan, is_extended)
        return self._keyboard.stroke_at(scan, is_extended) if scan else None

    # --- Text

    def _type(self, text: str) -> Iterator[float]:
        for number, character in enumerate(text.replace("\r\n", "\n"), 1):
            self._put("text", character, "")
            self._release("text")
            if number % _TYPED_AT_ONCE == 0:
                self._flush()
                yield 0.0

    def _put(self, identity: str, character: str, code: str) -> None:
        """The character as text: whatever is held, no shortcut comes of it."""
        if character in _KEYS_OF_TEXT:
            self._press_with(identity, _KEYS_OF_TEXT[character], 0)
            return
        has_caps = bool(self._keyboard.locks() & CAPS_LOCK)
        place = self._keyboard.layout().best(character, code, self._held_bits(), has_caps)
        if place is not None:
            self._press_with(identity, place.stroke, place.modifiers)
        elif character.isprintable() or character in _INVISIBLE:
            self._release(identity)
            self._while_exactly(self._held_bits() & SHIFT, lambda: self._tap_unicode(character))

    def _tap_unicode(self, character: str) -> None:
        data = character.encode("utf-16-le", errors="ignore")
        units = [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2)]
        self._events.extend(KeyEvent(0, unit, is_unicode=True) for unit in units)
        self._events.extend(KeyEvent(0, unit, is_unicode=True, is_up=True) for unit in units)

    # --- What is down

    def _press_with(self, identity: str, stroke: Stroke, modifiers: int) -> None:
        """Press the key while exactly these modifiers are down, then put back those that are held."""
        self._while_exactly(modifiers, lambda: self._press(identity, stroke))

    def _while_exactly(self, modifiers: int, act: Callable[[], None]) -> None:
        held = self._held_bits()
        lifted = [key for key, bit in self._modifier_keys.items() if bit & held & ~modifiers]
        added = [modifier(bit) for bit in MODIFIERS if bit & modifiers & ~held]
        if modifiers & ALT_GRAPH:
            added += ALT_GRAPH_STROKES
        is_menu_lifted = any(self._modifier_keys[key] & _MENU for key in lifted)
        if is_menu_lifted:
            self._tap(UNASSIGNED)
        for key in lifted:
            self._up(self._held[key])
        for stroke in added:
            self._down(stroke)
        act()
        for stroke in reversed(added):
            self._up(stroke)
        for key in reversed(lifted):
            self._down(self._held[key])
        if is_menu_lifted:
            self._tap(UNASSIGNED)

    def _press(self, identity: str, stroke: Stroke) -> None:
        """Once more for a key that repeats: Windows knows repetitions by the missing release."""
        for other in [name for name, held in self._held.items() if held == stroke and name != identity]:
            self._release(other)
        if self._held.get(identity, stroke) != stroke:
            self._release(identity)
        self._held[identity] = stroke
        self._down(stroke)

    def _release(self, identity: str) -> None:
        stroke = self._held.pop(identity, None)
        self._modifier_keys.pop(identity, None)
        if stroke is not None:
            self._up(stroke)

    def _down(self, stroke: Stroke) -> None:
        self._events.append(KeyEvent(stroke.virtual_key, stroke.scan, stroke.is_extended))

    def _up(self, stroke: Stroke) -> None:
        self._events.append(KeyEvent(stroke.virtual_key, stroke.scan, stroke.is_extended, is_up=True))

    def _tap(self, stroke: Stroke) -> None:
        self._down(stroke)
        self._up(stroke)

    # --- Modifiers and locks

    def _press_modifier(self, identity: str, bit: int, code: str) -> None:
        if identity not in self._held:
            self._press(identity, modifier(bit, code))
            self._modifier_keys[identity] = bit

    def _sync_modifiers(self, modifiers: int, own_bit: int = 0) -> None:
        """`own_bit`: of the modifier key that the event is about, which is not to be pressed in its stead."""
        if modifiers & ALT_GRAPH:
            modifiers &= ~(CONTROL | ALT)
        for bit in MODIFIERS:
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

    def _sync_locks(self, locks: int) -> None:
        differing = (locks ^ self._keyboard.locks()) & (CAPS_LOCK | NUM_LOCK)
        for bit, stroke in ((CAPS_LOCK, CAPS_LOCK_STROKE), (NUM_LOCK, NUM_LOCK_STROKE)):
            if differing & bit:
                self._tap(stroke)
        if differing:
            self._flush()  # the keys that follow are judged by it


_CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Names of keys begin so; what is not known by its name is no text."""
_KEYS_OF_TEXT = {"\n": Stroke(VK_RETURN, 0x1C), "\t": Stroke(VK_TAB, 0x0F)}
_INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u00ad\ufe0e\ufe0f\u2028\u2029")
"""Characters of words and emoji that are not printable."""
