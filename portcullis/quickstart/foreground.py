"""Stays with a running instance, in front of the person who started it."""

from __future__ import annotations

import signal
import sys

from portcullis.quickstart import control_socket, stop
from portcullis.quickstart.instance import Instance

POLL_SECONDS = 1.0
ENDS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""The last one: its terminal is closed."""


def stay(found: Instance) -> int:
    """Until a signal, which stops all as --stop does, or until the supervisor is gone."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # waited for, so that none can come between two lines
    print("Ctrl-C stops everything.", flush=True)
    try:
        while control_socket.ask(found.control_socket, "status") is not None:
            if signal.sigtimedwait(ENDS, POLL_SECONDS) is not None:
                break
        else:
            print("Portcullis: the supervisor ended", file=sys.stderr)
            return 1
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
    stop.stop(found)
    return 0
