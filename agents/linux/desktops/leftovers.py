"""Lets go of what a worker that was killed left pressed: a held Shift would be the person's, who never pressed it.

Only XTEST's own devices are asked: what the person holds down stays down.
"""

from __future__ import annotations

from typing import Any

import xcffib.xinput as xinput
import xcffib.xtest as xtest

_ALL_DEVICES = 0
_KEY_RELEASE, _BUTTON_RELEASE = 3, 5
_KINDS = {xinput.DeviceType.SlaveKeyboard: _KEY_RELEASE, xinput.DeviceType.SlavePointer: _BUTTON_RELEASE}
_XTEST = b"XTEST"


def let_go(connection: Any) -> None:
    """Raises what xcffib does."""
    extension, tests = connection(xinput.key), connection(xtest.key)
    extension.XIQueryVersion(2, 2).reply()
    for device in extension.XIQueryDevice(_ALL_DEVICES).reply().infos:
        if device.type in _KINDS and _XTEST in b"".join(device.name):
            for number in _pressed(extension, device.deviceid):
                tests.FakeInput(_KINDS[device.type], number, 0, 0, 0, 0, 0)
    connection.core.GetInputFocus().reply()


def _pressed(extension: Any, device: int) -> list[int]:
    found: list[int] = []
    for part in extension.QueryDeviceState(device).reply().classes:
        found += pressed_of(bytes(getattr(part, "keys", None) or getattr(part, "buttons", None) or ()))
    return found


def pressed_of(bits: bytes) -> list[int]:
    """Numbers of the bits that are set. Pure."""
    return [8 * at + bit for at, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1]
