"""What SendInput is given, as values, and the call."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from agents.windows.libraries import last_error, user32
from agents.windows.structures import (
    INPUT_KEYBOARD,
    INPUT_MOUSE,
    KEYEVENTF_EXTENDEDKEY,
    KEYEVENTF_KEYUP,
    KEYEVENTF_UNICODE,
    InputRecord,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyEvent:
    virtual_key: int
    scan: int
    """Of the key; with `is_unicode` a UTF-16 unit."""
    is_extended: bool = False
    is_up: bool = False
    is_unicode: bool = False


@dataclass(frozen=True, slots=True)
class MouseEvent:
    flags: int
    dx: int = 0
    dy: int = 0
    data: int = 0


Event = KeyEvent | MouseEvent


def record(event: Event, extra: int = 0) -> InputRecord:
    """`extra`: what stands beside it, for whoever looks."""
    if isinstance(event, KeyEvent):
        flags = KEYEVENTF_UNICODE if event.is_unicode else 0
        flags |= KEYEVENTF_EXTENDEDKEY if event.is_extended else 0
        flags |= KEYEVENTF_KEYUP if event.is_up else 0
        key = InputRecord(INPUT_KEYBOARD)
        key.any.keyboard.virtual_key = event.virtual_key
        key.any.keyboard.scan = event.scan
        key.any.keyboard.flags = flags
        key.any.keyboard.extra = extra
        return key
    mouse = InputRecord(INPUT_MOUSE)
    mouse.any.mouse.dx, mouse.any.mouse.dy = event.dx, event.dy
    mouse.any.mouse.data = event.data & 0xFFFFFFFF
    mouse.any.mouse.flags = event.flags
    mouse.any.mouse.extra = extra
    return mouse


def send(events: Sequence[Event], extra: int = 0) -> None:
    """What the secure desktop, or a window of higher integrity, does not take is lost: nobody here may change that."""
    records = (InputRecord * len(events))(*(record(event, extra) for event in events))
    taken = user32().SendInput(len(records), records, ctypes.sizeof(InputRecord))
    if taken != len(records):
        log.debug(
            "%d of %d input events were not taken: error %d", len(records) - taken, len(records), last_error()
        )
