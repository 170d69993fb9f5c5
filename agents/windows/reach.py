"""What of a user's input reaches the screen, where an application's windows alone are shown. Pure.

What is not the application's is not clicked, not scrolled, not hovered over and not typed into. A click beside the
application, and a key while another program has the keyboard, bring the application forward: the click itself goes
nowhere. Keys of the shell do not go out at all: nothing of the shell is shown. What is released always goes out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, TypeVar

from portcullis.protocol.messages import (
    ALT,
    CONTROL,
    META,
    CommittedText,
    Input,
    Key,
    Pointer,
    ReleaseAll,
    Wheel,
)

log = logging.getLogger(__name__)

M = TypeVar("M", Pointer, Wheel, Key)

_ASK_SECONDS = 0.005
_FOCUS_SECONDS, _REFUSED_SECONDS = 1.5, 0.05
"""How long a key waits for the application to come forward; and where Windows did not let it for the key before."""
_SHELL_KEYS = frozenset({"Meta", "OS", "PrintScreen"})
"""PrintScreen copies the whole screen, for any program to paste."""
_MODIFIER_CODES = frozenset(
    f"{name}{side}" for name in ("Alt", "Control", "Meta", "OS") for side in ("Left", "Right")
)
"""Pressed without the name of one, nothing knows that they are held: what follows could be a chord of the shell."""
_SHELL_CHORDS = {"Tab": ALT, "Escape": ALT | CONTROL}
"""Keys that are the shell's with any of these modifiers: other windows, the start menu, the task manager."""


class Subject(Protocol):
    """The application, in places of the picture."""

    def is_at(self, x: int, y: int) -> bool: ...

    def has_focus(self) -> bool: ...

    def has_capture(self) -> bool: ...

    def come_forward(self, at: tuple[int, int] | None = None) -> None: ...


class Reach:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._down = 0
        """Buttons that were pressed in the application."""
        self._refused = 0
        """Buttons that were pressed elsewhere, until they are released."""
        self._inside = (0, 0)
        """Where the pointer was last over the application."""
        self._patience = _FOCUS_SECONDS

    def admit(self, message: Input) -> Iterator[float | Input]:
        """Seconds to wait, and then the message as it may go out, if it may."""
        match message:
            case Pointer():
                yield from self._pointer(_without_meta(message))
            case Wheel():
                if self._is_at(message.x, message.y):
                    yield _without_meta(message)
            case Key():
                yield from self._key(message)
            case CommittedText():
                yield from self._typed(message)
            case ReleaseAll():
                self._down = self._refused = 0
                yield message
            case _:
                yield message

    # --- Pointer

    def _pointer(self, message: Pointer) -> Iterator[Input]:
        is_inside = self._is_at(message.x, message.y)
        pressed = message.buttons & ~self._down & ~self._refused
        if pressed and not is_inside:
            self._refused |= pressed
            if not self._down:
                self._subject.come_forward((message.x, message.y))
        self._refused &= message.buttons
        buttons = message.buttons & ~self._refused
        released, self._down = self._down & ~buttons, buttons
        if not (is_inside or buttons or released):
            return
        x, y = message.x, message.y
        if released and not is_inside and not self._subject.has_capture():
            x, y = self._inside  # it would be dropped on another program
        yield replace(message, x=x, y=y, buttons=buttons)

    def _is_at(self, x: int, y: int) -> bool:
        is_inside = self._subject.is_at(x, y)
        if is_inside:
            self._inside = (x, y)
        return is_inside

    # --- Keys

    def _key(self, message: Key) -> Iterator[float | Input]:
        if not message.down:
            yield _without_meta(message)
        elif not is_of_the_shell(message):
            yield from self._typed(_without_meta(message))

    def _typed(self, message: Key | CommittedText) -> Iterator[float | Input]:
        if not self._subject.has_focus():
            self._subject.come_forward()
            for _ in range(round(self._patience / _ASK_SECONDS)):
                if self._subject.has_focus():
                    break
                yield _ASK_SECONDS
            else:
                log.info("input is dropped: another program has the keyboard, and keeps it")
                self._patience = _REFUSED_SECONDS
                return
        self._patience = _FOCUS_SECONDS
        yield message


def is_of_the_shell(key: Key) -> bool:
    if key.modifiers & META or key.text in _SHELL_KEYS or key.code in _SHELL_KEYS:
        return True
    if len(key.text) < 2 and key.code in _MODIFIER_CODES:
        return True
    return bool(key.modifiers & _SHELL_CHORDS.get(key.text, _SHELL_CHORDS.get(key.code, 0)))


def _without_meta(message: M) -> M:
    return replace(message, modifiers=message.modifiers & ~META)
