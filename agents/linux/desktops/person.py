"""Whether the person at the display types or points right now: then what comes from afar waits for them.

X's SYNC extension counts for how long each device has been idle. The devices of XTEST are those that programs make
events with, ours too; all others are under somebody's hands.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

import xcffib
import xcffib.sync as xsync
import xcffib.xinput as xinput
import xcffib.xproto as xproto

from agents.linux.x11 import XConnection

YIELD_SECONDS = 1.0
"""For so long after a person's last key or movement nothing from afar is done."""
_ALL_DEVICES = 0
_SLAVES = (xinput.DeviceType.SlavePointer, xinput.DeviceType.SlaveKeyboard, xinput.DeviceType.FloatingSlave)
_XTEST = b"XTEST"
_COUNTER = re.compile(rb"DEVICEIDLETIME ([0-9]+)")
_COUNTER_HEAD = struct.Struct("=I8xH")
_REPLY_HEAD_BYTES = 32


class Person:
    def __init__(self, x: XConnection) -> None:
        """`idle_seconds` is None where the server cannot tell."""
        self._x = x
        self._counters: list[int] | None = None
        if not x.has_extension("SYNC") or not x.has_extension("XInputExtension"):
            self._counters = []
            return
        self._sync: Any = x.extension(xsync.key)
        x.reply(self._sync.Initialize(3, 1))
        self._xinput: Any = x.extension(xinput.key)
        x.reply(self._xinput.XIQueryVersion(2, 2))
        x.on(xproto.MappingNotifyEvent, lambda _: self._forget())

    @property
    def is_there(self) -> bool:
        idle = self.idle_seconds()
        return idle is not None and idle < YIELD_SECONDS

    def idle_seconds(self) -> float | None:
        if self._counters is None:
            self._counters = self._of_hands()
        asked = [self._sync.QueryCounter(counter) for counter in self._counters]
        idle = []
        for cookie in asked:
            try:
                value = self._x.reply(cookie).counter_value
            except xcffib.Error:  # the device was unplugged
                self._forget()
            else:
                idle.append((value.hi * 2**32 + value.lo) / 1000)
        return min(idle, default=None)

    def _forget(self) -> None:
        """A keyboard may have been plugged in."""
        self._counters = None

    def _of_hands(self) -> list[int]:
        devices = self._x.reply(self._xinput.XIQueryDevice(_ALL_DEVICES)).infos
        hands = {
            each.deviceid for each in devices if each.type in _SLAVES and _XTEST not in b"".join(each.name)
        }
        counters = read_counters(self._x.raw_reply(self._sync.ListSystemCounters()))
        return [counter for device, counter in counters.items() if device in hands]


def read_counters(reply: bytes) -> Mapping[int, int]:
    """Device -> the counter of its idle time, from a reply to ListSystemCounters. Pure."""
    count = struct.unpack_from("=I", reply, 8)[0]
    found, offset = {}, _REPLY_HEAD_BYTES
    for _ in range(count):
        counter, length = _COUNTER_HEAD.unpack_from(reply, offset)
        name = reply[offset + _COUNTER_HEAD.size :][:length]
        if match := _COUNTER.fullmatch(name):
            found[int(match[1])] = counter
        offset += (_COUNTER_HEAD.size + length + 3) // 4 * 4
    return found
