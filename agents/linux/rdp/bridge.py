"""What a session runs that shows an RDP server: FreeRDP as its application, with what it reads and how it may end."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.linux import environment as base_environment
from agents.linux.rdp import command
from agents.linux.rdp.exit_codes import EXIT_CODES
from portcullis.model.rdp import RDP_CLIENT, Credentials
from portcullis.protocol.orders import Order


def is_installed() -> bool:
    return shutil.which(RDP_CLIENT, path=base_environment.PATH) is not None


@dataclass(frozen=True, slots=True)
class ShownServer:
    """A server that was met, and what signs in to it."""

    target: command.Target
    credentials: Credentials


def application(order: Order, shown: ShownServer, base: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """The `application` of a launch. `folder`: the user's, which goes with the session."""
    scale = base_environment.scale(order.display.device_pixel_ratio)
    person = shown.credentials
    arguments = command.arguments(
        shown.target, person.user_name, person.domain, order.application_name, order.display, scale
    )
    return {
        "command": arguments,
        "environment": command.environment(shown.target.rdp, base, folder),
        "entered": command.entered(person),
        "exit_codes": {str(status): code for status, code in EXIT_CODES.items()},
    }
