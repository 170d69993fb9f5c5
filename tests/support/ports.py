"""Free TCP ports of this machine for what a test starts as a process.

Below the range that the kernel takes outgoing connections' ports from: one of those would take a port of that range
between this look and the listener's bind, now and then, on a busy machine.
"""

from __future__ import annotations

import contextlib
import secrets
import socket

PORTS = range(10_000, 20_000)
"""Those of instances and labs lie above, and below 32768."""


def free_ports(count: int) -> list[int]:
    """All different, on 127.0.0.1."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(found) < count:
            probe = stack.enter_context(socket.socket())
            port = secrets.choice(PORTS)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found


def free_port() -> int:
    return free_ports(1)[0]
