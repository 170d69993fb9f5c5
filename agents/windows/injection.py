"""Keys, text, pointer and wheel into the session, as the events that SendInput takes. No call of Windows is made here.

A character is typed by the key that gives it in the layout of whoever has the focus, with exactly the modifiers that it
needs; one that lies on no key, or on a dead key, goes as a character (KEYEVENTF_UNICODE). AltGr is never held: it is
Control and Alt together, which applications would take for a shortcut, so it is pressed around the characters that need
it. Each message's events go in one call: nothing comes between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from agents.worker.injection import SHORTCUT, InputInjector
from agents.worker.keys import LOCK_NAMES, shortcut_letter
from portcullis.protocol.messages import ALT, ALT_GRAPH, CAPS_LOCK, CONTROL, META, NUM_LOCK, SHIFT, Key

_MENU = ALT | META


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


class Injector(InputInjector[Stroke]):
    """Events are gathered, and sent together when a message is done. It never waits."""

    UNHELD = LOCK_NAMES | {"AltGraph"}
    MODIFIERS = tuple(MODIFIERS)

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
        super().__init__(Pointing(self._events.append, screen, is_swapped))

    def _flush(self) -> None:
        if self._events:
            self._send(tuple(self._events))
            self._events.clear()

    # --- Keys

    def _press_key(self, identity: str, event: Key) -> Iterable[float]:
        own = keypad(event.code, event.text)
        if own is not None:
            # Shift with NumLock turns the keypad's digits into arrows: neither is seen by applications.
            is_turned = len(event.text) > 1 and bool(event.locks & NUM_LOCK)
            self._press_with(identity, own, self._held_bits() & ~(SHIFT if is_turned else 0))
        elif len(event.text) == 1:
            return self._press_character(identity, event)
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
        return _AT_ONCE

    def _press_shortcut(self, identity: str, event: Key) -> Iterable[float]:
        letter = shortcut_letter(event.text, event.code)
        self._press_letter(identity, letter, event.code, self._held_bits() & SHORTCUT)
        return _AT_ONCE

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

    def _put(self, identity: str, character: str, code: str) -> Iterable[float]:
        if character in _KEYS_OF_TEXT:
            self._press_with(identity, _KEYS_OF_TEXT[character], 0)
            return _AT_ONCE
        has_caps = bool(self._keyboard.locks() & CAPS_LOCK)
        place = self._keyboard.layout().best(character, code, self._held_bits(), has_caps)
        if place is not None:
            self._press_with(identity, place.stroke, place.modifiers)
        elif character.isprintable() or character in _INVISIBLE:
            self._release(identity)
            self._while_exactly(self._held_bits() & SHIFT, lambda: self._tap_unicode(character))
        return _AT_ONCE

    def _tap_unicode(self, character: str) -> None:
        data = character.encode("utf-16-le", errors="ignore")
        units = [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2)]
        self._events.extend(KeyEvent(0, unit, is_unicode=True) for unit in units)
        self._events.extend(KeyEvent(0, unit, is_unicode=True, is_up=True) for unit in units)

    # --- What is down

    def _while_exactly(self, modifiers: int, act: Callable[[], None]) -> None:
        is_menu_lifted = any(bit & _MENU & ~modifiers for bit in self._modifier_keys.values())
        if is_menu_lifted:
            self._tap(UNASSIGNED)
        super()._while_exactly(modifiers, act)
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

    def _down(self, key: Stroke) -> None:
        self._events.append(KeyEvent(key.virtual_key, key.scan, key.is_extended))

    def _up(self, key: Stroke) -> None:
        self._events.append(KeyEvent(key.virtual_key, key.scan, key.is_extended, is_up=True))

    def _tap(self, stroke: Stroke) -> None:
        self._down(stroke)
        self._up(stroke)

    # --- Modifiers and locks

    def _modifier_key(self, bit: int, code: str = "") -> Stroke:
        return modifier(bit, code)

    def _keys_of(self, modifiers: int) -> list[Stroke]:
        strokes = [modifier(bit) for bit in MODIFIERS if bit & modifiers]
        return [*strokes, *ALT_GRAPH_STROKES] if modifiers & ALT_GRAPH else strokes

    def _locks_of(self, event: Key) -> int:
        return event.locks | (NUM_LOCK if is_keypad_digit(event.code, event.text) else 0)

    def _sync_locks(self, locks: int) -> None:
        differing = (locks ^ self._keyboard.locks()) & (CAPS_LOCK | NUM_LOCK)
        for bit, stroke in ((CAPS_LOCK, CAPS_LOCK_STROKE), (NUM_LOCK, NUM_LOCK_STROKE)):
            if differing & bit:
                self._tap(stroke)
        if differing:
            self._flush()  # the keys that follow are judged by it


_AT_ONCE: tuple[float, ...] = ()
"""Nothing is waited for."""
_CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Names of keys begin so; what is not known by its name is no text."""
_KEYS_OF_TEXT = {"\n": Stroke(VK_RETURN, 0x1C), "\t": Stroke(VK_TAB, 0x0F)}
_INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u00ad\ufe0e\ufe0f\u2028\u2029")
"""Characters of words and emoji that are not printable."""
