"""What a launch holds that attaches to somebody's own Windows session."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

from agents.desktops.attachments import Taken, attached, told
from agents.desktops.rules import EXIT_CODES
from portcullis.model.desktops import DesktopTarget
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import Start

ATTENDANT_COMMAND = (sys.executable, "-I", "-m", "agents.windows.desktops")
_KILLED, _KILLED_AT_THE_END, _CONTROL_C = 1, 0x40010004, 0xC000013A - (1 << 32)
_BY_HAND = {
    0: "desktop_ended",  # of who asks it to end nobody hears any more
    _KILLED: "desktop_ended",
    _KILLED_AT_THE_END: "desktop_closed",
    _CONTROL_C: "desktop_closed",
}
"""Whoever is there ended it by other means than the sign, or signed out."""


def launch_parts(order: Order, target: DesktopTarget, taken: Taken, left_seconds: float) -> dict[str, Any]:
    """Of the `launch` line: the application is the attendant."""
    meanings = {**EXIT_CODES, **_BY_HAND}
    return {
        "attached": attached(target, taken.display, left_seconds),
        "application": {
            "command": list(ATTENDANT_COMMAND),
            "environment": {},
            "entered": json.dumps(told(order, target, taken)),
            "exit_codes": {str(status): code for status, code in meanings.items()},
        },
    }


def attached_start(start: Start, target: DesktopTarget) -> Start:
    return replace(start, attached=True, view_only=target.view_only)
