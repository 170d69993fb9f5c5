"""Keyboards of Windows without Windows: what two layouts say, and the state that strokes make."""

from __future__ import annotations

from agents.windows.keymap import PHYSICAL, TYPING_CODES, VK_CAPITAL, VK_NUMLOCK, Stroke
from agents.windows.layout import Layout
from agents.windows.strokes import Event, KeyEvent, MouseEvent
from portcullis.protocol.messages import ALT_GRAPH, CAPS_LOCK, NUM_LOCK, SHIFT

_US_ROWS = {
    "Digit": ("1234567890", "!@#$%^&*()"),
    "signs": ("-=[];'`\\,./ ", '_+{}:"~|<>? '),
}
_SIGNS = (
    *("Minus", "Equal", "BracketLeft", "BracketRight", "Semicolon", "Quote", "Backquote", "Backslash"),
    *("Comma", "Period", "Slash", "Space"),
)
_GERMAN = {
    "KeyY": ("z", "Z"), "KeyZ": ("y", "Y"), "Minus": ("ß", "?"), "Quote": ("ä", "Ä"), "Semicolon": ("ö", "Ö"),
    "BracketLeft": ("ü", "Ü"), "KeyQ": ("q", "Q", "@"), "KeyE": ("e", "E", "€"), "Digit7": ("7", "/", "{"),
    "Digit2": ("2", '"', "²"), "IntlBackslash": ("<", ">", "|"), "Backquote": (None, "°"),
    "Equal": (None, None), "Digit6": ("6", "&"),
}  # fmt: skip


def layout(name: str) -> Layout:
    levels: dict[str, tuple[str | None, ...]] = {
        f"Key{chr(c).upper()}": (chr(c), chr(c).upper()) for c in range(97, 123)
    }
    levels |= {f"Digit{a}": (a, b) for a, b in zip(*_US_ROWS["Digit"], strict=True)}
    levels |= {code: (a, b) for code, a, b in zip(_SIGNS, *_US_ROWS["signs"], strict=True)}
    levels |= _GERMAN if name == "de" else {}
    keys = {code: Stroke(_virtual_key(code), *PHYSICAL[code]) for code in TYPING_CODES if code in levels}
    codes = {stroke: code for code, stroke in keys.items()}

    def says(stroke: Stroke, modifiers: int, has_caps: bool) -> str | None:
        texts = levels[codes[stroke]]
        level = (2 if modifiers & ALT_GRAPH else 0) + (1 if modifiers & SHIFT else 0)
        plain = texts[0] or ""
        if has_caps and plain.isalpha() and level < 2:
            level ^= 1
        return texts[level] if level < len(texts) else None

    return Layout(keys, says)


class FakeKeyboard:
    """Does what it is sent, as far as tests look at it."""

    def __init__(self, name: str = "us") -> None:
        self._layout = layout(name)
        self.events: list[Event] = []
        self.down: set[tuple[int, bool]] = set()
        self.locked = 0
        self.calls = 0

    def layout(self) -> Layout:
        return self._layout

    def locks(self) -> int:
        return self.locked

    def stroke_at(self, scan: int, is_extended: bool) -> Stroke | None:
        return next(
            (stroke for stroke in self._layout.keys.values() if stroke.scan == scan),
            Stroke(1, scan, is_extended),
        )

    def send(self, events: tuple[Event, ...]) -> None:
        self.calls += 1
        for event in events:
            self.events.append(event)
            if isinstance(event, MouseEvent) or event.is_unicode:
                continue
            key = event.virtual_key, event.is_extended
            if event.is_up:
                self.down.discard(key)
            else:
                self.down.add(key)
                self.locked ^= {VK_CAPITAL: CAPS_LOCK, VK_NUMLOCK: NUM_LOCK}.get(event.virtual_key, 0)

    def text(self) -> str:
        """What was sent as characters without a key."""
        units = [
            event.scan
            for event in self.events
            if isinstance(event, KeyEvent) and event.is_unicode and not event.is_up
        ]
        return b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le")

    def strokes(self) -> list[tuple[str, int]]:
        """`+` or `-`, and the virtual key."""
        return [
            ("-" if event.is_up else "+", event.virtual_key)
            for event in self.events
            if isinstance(event, KeyEvent) and not event.is_unicode
        ]


def _virtual_key(code: str) -> int:
    if code.startswith("Key"):
        return ord(code[3])
    return ord(code[5]) if code.startswith("Digit") else 0xBA + TYPING_CODES.index(code)
