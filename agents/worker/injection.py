"""The frame of every injector of input: what is down, and what a browser's events make of it.

What was pressed for a physical key is what is released for it, whatever its release says. The modifiers that the
desktop sees follow the flags of every event, so that a release lost while the browser was elsewhere heals with the next
one. Which key gives a character, and how a key is pressed, is the operating system's: `agents/linux/injection.py`,
`agents/windows/injection.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from agents.worker.keys import LOCK_NAMES, MODIFIER_NAMES, letters_of
from portcullis.protocol.messages import (
    ALT,
    ALT_GRAPH,
    CONTROL,
    META,
    CommittedText,
    Input,
    Key,
    Pointer,
    ReleaseAll,
    Wheel,
)

SHORTCUT = CONTROL | ALT | META
_MAXIMUM_HELD = 64
_TYPED_AT_ONCE = 64
"""Characters; then the event loop has its turn."""

K = TypeVar("K")
"""What is pressed: a keycode of X, a stroke of Windows."""


class Pointing(Protocol):
    def move(self, x: int, y: int) -> None: ...

    def press(self, buttons: int) -> None:
        """Exactly these are down."""
        ...

    def scroll(self, dx: int, dy: int) -> None: ...

    def release(self) -> None: ...


class InputInjector(ABC, Generic[K]):
    """`apply` does one input message. It yields the seconds to wait before it goes on, hardly ever any."""

    UNHELD: Collection[str] = LOCK_NAMES
    """Names of keys that are not pressed: what they do comes with every event."""
    MODIFIERS: Collection[int] = tuple(MODIFIER_NAMES.values())
    """Bits of those that are pressed, and held."""

    def __init__(self, pointing: Pointing) -> None:
        self._pointing = pointing
        self._held: dict[str, K] = {}
        """Physical code, or the text of a key without one -> what is down for it."""
        self._modifier_keys: dict[str, int] = {}
        """Those of `held` that are modifiers -> their bit."""

    def apply(self, message: Input) -> Iterator[float]:
        match message:
            case Key():
                yield from self._key(message)
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

    # --- What the operating system does

    @abstractmethod
    def _down(self, key: K) -> None: ...

    @abstractmethod
    def _up(self, key: K) -> None: ...

    @abstractmethod
    def _flush(self) -> None:
        """What was done until now is seen from now on."""

    @abstractmethod
    def _press(self, identity: str, key: K) -> None:
        """Down, and in `_held` as long as it is; whoever held the same key before no longer does."""

    @abstractmethod
    def _press_key(self, identity: str, event: Key) -> Iterable[float]:
        """One that is no modifier."""

    @abstractmethod
    def _press_shortcut(self, identity: str, event: Key) -> Iterable[float]: ...

    @abstractmethod
    def _put(self, identity: str, character: str, code: str) -> Iterable[float]:
        """The character as text: whatever is held, no shortcut comes of it."""

    @abstractmethod
    def _lies_plainly(self, text: str) -> bool:
        """Whether it is on a key that gives it without modifiers, or with Shift."""

    @abstractmethod
    def _modifier_key(self, bit: int, code: str = "") -> K | None:
        """The key at this place, if there is one there for it; else any that has this bit."""

    @abstractmethod
    def _keys_of(self, modifiers: int) -> list[K]:
        """What is pressed around one key that needs these."""

    @abstractmethod
    def _sync_locks(self, locks: int) -> None: ...

    # --- Keys and text

    def _key(self, event: Key) -> Iterator[float]:
        identity = event.code or event.text
        bit = self._modifier_bit(event)
        if not event.down:
            self._release(identity)
            self._sync_modifiers(event.modifiers, bit)
            return
        self._sync_modifiers(event.modifiers, bit)
        if event.text in self.UNHELD:
            return
        self._sync_locks(self._locks_of(event))
        if bit:
            self._press_modifier(identity, bit, event.code)
            return
        if len(self._held) >= _MAXIMUM_HELD and identity not in self._held:
            self.release_all()
        if (letters := letters_of(event.text)) != event.text and not self._is_shortcut(event):
            yield from self._type(letters)
        else:
            yield from self._press_key(identity, event)

    def _modifier_bit(self, event: Key) -> int:
        return MODIFIER_NAMES.get(event.text, 0)

    def _locks_of(self, event: Key) -> int:
        return event.locks

    def _press_character(self, identity: str, event: Key) -> Iterable[float]:
        if self._is_shortcut(event):
            return self._press_shortcut(identity, event)
        return self._put(identity, event.text, event.code)

    def _is_shortcut(self, event: Key) -> bool:
        held = event.modifiers & SHORTCUT
        if event.modifiers & ALT_GRAPH or not held:
            return False
        # Option on a Mac makes characters as AltGraph does elsewhere, yet older clients call it Alt.
        is_option_text = held == ALT and not event.text.isascii()
        return not is_option_text or self._lies_plainly(event.text)

    def _type(self, text: str) -> Iterator[float]:
        for number, character in enumerate(text.replace("\r\n", "\n"), 1):
            yield from self._put("text", character, "")
            self._release("text")
            if number % _TYPED_AT_ONCE == 0:
                self._flush()
                yield 0.0

    # --- What is down

    def _press_with(self, identity: str, key: K, modifiers: int) -> None:
        """Press the key while exactly these modifiers are down, then put back those that are held."""
        self._while_exactly(modifiers, lambda: self._press(identity, key))

    def _while_exactly(self, modifiers: int, act: Callable[[], None]) -> None:
        lifted = [key for key, bit in self._modifier_keys.items() if bit & ~modifiers]
        added = self._keys_of(modifiers & ~self._held_bits())
        for identity in lifted:
            self._up(self._held[identity])
        for key in added:
            self._down(key)
        act()
        for key in reversed(added):
            self._up(key)
        for identity in reversed(lifted):
            self._down(self._held[identity])

    def _release(self, identity: str) -> None:
        key = self._held.pop(identity, None)
        self._modifier_keys.pop(identity, None)
        if key is not None:
            self._up(key)

    # --- Modifiers

    def _press_modifier(self, identity: str, bit: int, code: str) -> None:
        key = self._modifier_key(bit, code)
        if key is not None and identity not in self._held:
            self._press(identity, key)
            self._modifier_keys[identity] = bit

    def _sync_modifiers(self, modifiers: int, own_bit: int = 0) -> None:
        """`own_bit`: of the modifier key that the event is about, which is not to be pressed in its stead."""
        if modifiers & ALT_GRAPH:
            modifiers &= ~(CONTROL | ALT)  # Windows calls AltGraph so
        for bit in self.MODIFIERS:
            keys = [key for key, held in self._modifier_keys.items() if held == bit]
            if modifiers & bit and not keys and bit != own_bit and not self._is_stood_for(bit):
                self._press_modifier(f"held:{bit}", bit, "")
            elif not modifiers & bit:
                for key in keys:
                    self._release(key)

    def _is_stood_for(self, bit: int) -> bool:
        """Whether another key is down that browsers give the same flag."""
        return False

    def _held_bits(self) -> int:
        bits = 0
        for bit in self._modifier_keys.values():
            bits |= bit
        return bits

    def _is_held(self, bit: int) -> bool:
        return bit in self._modifier_keys.values()
