"""What a keyboard layout gives, by libxkbcommon: the judge of the keyboard's conformance, independent of our code.

`Keyboard` is one that nobody has: it knows the layout's keys and levels, and says the text of strokes as toolkits
find it, dead keys and Compose included.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHIFT, CAPS_LOCK, NUM_LOCK = 50, 66, 77
_ENTER = 36
_DOWN, _UP = 1, 0
_COMPOSING, _COMPOSED, _CANCELLED = 1, 2, 3
_ISO_LEVEL3_SHIFT, _ISO_LEVEL5_SHIFT = 0xFE03, 0xFE11
_DEAD = range(0xFE50, 0xFEA0)


class _Names(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options")]


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libxkbcommon.so.0")
    for name in (
        "context_new",
        "keymap_new_from_names",
        "state_new",
        "compose_table_new_from_locale",
        "compose_state_new",
    ):
        getattr(library, f"xkb_{name}").restype = ctypes.c_void_p
    return library


_XKB = _library()
_CONTEXT = ctypes.c_void_p(_XKB.xkb_context_new(0))
_COMPOSE = ctypes.c_void_p(_XKB.xkb_compose_table_new_from_locale(_CONTEXT, b"en_US.UTF-8", 0))
# The main block, row by row, with the keys that only European, Brazilian and Japanese keyboards have.
MAIN_BLOCK = (49, *range(10, 22), 132, *range(24, 36), *range(38, 49), 51, 94, *range(52, 62), 97, 65)


@dataclass(frozen=True)
class Stroke:
    """A key pressed while others are held, in this order."""

    keycode: int
    held: tuple[int, ...] = ()


class Keyboard:
    """Of `de`, `us(intl)`, ...; several with commas make groups, of which the first is used."""

    def __init__(self, layout: str) -> None:
        names = [name.partition("(")[::2] for name in layout.split(",")]
        layouts = ",".join(name for name, _ in names).encode()
        variants = ",".join(variant.rstrip(")") for _, variant in names).encode()
        rules = _Names(b"evdev", b"pc105", layouts, variants, b"")
        self._keymap = ctypes.c_void_p(_XKB.xkb_keymap_new_from_names(_CONTEXT, ctypes.byref(rules), 0))
        assert self._keymap, f"no layout {layout}"
        self.level3 = self._key_of(_ISO_LEVEL3_SHIFT)
        self.level5 = self._key_of(_ISO_LEVEL5_SHIFT)

    def text(self, strokes: Iterable[Stroke]) -> str:
        """What a text field holds after these, if it was empty."""
        state = ctypes.c_void_p(_XKB.xkb_state_new(self._keymap))
        compose = ctypes.c_void_p(_XKB.xkb_compose_state_new(_COMPOSE, 0))
        text = "".join(self._typed(state, compose, stroke) for stroke in strokes)
        _XKB.xkb_compose_state_unref(compose)
        _XKB.xkb_state_unref(state)
        return text

    def keysym(self, stroke: Stroke) -> int:
        state = ctypes.c_void_p(_XKB.xkb_state_new(self._keymap))
        for keycode in stroke.held:
            _XKB.xkb_state_update_key(state, keycode, _DOWN)
        keysym = int(_XKB.xkb_state_key_get_one_sym(state, stroke.keycode))
        _XKB.xkb_state_unref(state)
        return keysym

    def is_dead(self, stroke: Stroke) -> bool:
        return self.keysym(stroke) in _DEAD

    def levels(self) -> list[tuple[int, ...]]:
        """The keys to hold for each level that this layout has, plain first."""
        held: list[tuple[int, ...]] = [(), (SHIFT,)]
        for key in (self.level3, self.level5):
            if key is not None:
                held += [(key,), (SHIFT, key)]
        if self.level3 is not None and self.level5 is not None:
            held.append((self.level3, self.level5))
        return held

    def strokes(self, levels: Sequence[tuple[int, ...]] | None = None) -> list[Stroke]:
        """Every key of the main block that types something, on every level. A dead key is alone: see `is_dead`."""
        held = self.levels() if levels is None else levels
        every = (Stroke(keycode, keys) for keys in held for keycode in MAIN_BLOCK)
        return [stroke for stroke in every if self.is_dead(stroke) or self._is_text(stroke)]

    def _is_text(self, stroke: Stroke) -> bool:
        text = self.text([stroke])
        return bool(text) and text.isprintable()

    def _key_of(self, keysym: int) -> int | None:
        """The key on a real keyboard that gives this by itself."""
        real = (108, 66, 94, 51, 105)
        return next((keycode for keycode in real if self.keysym(Stroke(keycode)) == keysym), None)

    def _typed(self, state: ctypes.c_void_p, compose: ctypes.c_void_p, stroke: Stroke) -> str:
        for keycode in stroke.held:
            _XKB.xkb_state_update_key(state, keycode, _DOWN)
        text = self._text_of(state, compose, stroke.keycode)
        for keycode in (stroke.keycode, *reversed(stroke.held)):
            if keycode == stroke.keycode:
                _XKB.xkb_state_update_key(state, keycode, _DOWN)
            _XKB.xkb_state_update_key(state, keycode, _UP)
        return text

    @staticmethod
    def _text_of(state: ctypes.c_void_p, compose: ctypes.c_void_p, keycode: int) -> str:
        buffer = ctypes.create_string_buffer(64)
        _XKB.xkb_compose_state_feed(compose, _XKB.xkb_state_key_get_one_sym(state, keycode))
        status = _XKB.xkb_compose_state_get_status(compose)
        if status == _COMPOSING:
            return ""
        if status == _COMPOSED:
            _XKB.xkb_compose_state_get_utf8(compose, buffer, len(buffer))
        elif status != _CANCELLED:
            _XKB.xkb_state_key_get_utf8(state, keycode, buffer, len(buffer))
        if status in (_COMPOSED, _CANCELLED):
            _XKB.xkb_compose_state_reset(compose)
        return buffer.value.decode()


def keysym_to_utf32(keysym: int) -> int:
    """0: none."""
    return int(_XKB.xkb_keysym_to_utf32(keysym))


def strokes_of(text: str) -> list[Stroke]:
    """How a US keyboard types it."""
    keyboard = Keyboard("us")
    keys = {keyboard.text([stroke]): stroke for stroke in reversed(keyboard.strokes())}
    return [Stroke(_ENTER) if character == "\n" else keys[character] for character in text]
