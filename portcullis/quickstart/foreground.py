"""Stays with a running instance, in front of the person who started it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from portcullis.quickstart import control_socket, stop
from portcullis.quickstart.instance import Instance

POLL_SECONDS = 1.0
ENDS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""The last one: its terminal is closed."""


def stay(found: Instance) -> int:
    """Until a signal, which stops all as --stop does, or until the supervisor is gone."""
    if not wait(found):
        return 1
    outlive_reader()
    stop.stop(found)
    return 0


def wait(found: Instance) -> bool:
    """True at a signal, False when the supervisor is gone. The signals stay blocked: a terminal that is closed brings
    more than one, and a second Ctrl-C must not leave half of it running."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    with contextlib.suppress(OSError):  # a terminal that is closed at this moment has its signal follow
        print("Ctrl-C stops everything.", flush=True)
    while control_socket.ask(found.control_socket, "status") is not None:
        if signal.sigtimedwait(ENDS, POLL_SECONDS) is not None:
            return True
    print("Portcullis: the supervisor ended", file=sys.stderr)
    return False


def outlive_reader() -> None:
    """What is printed from now on goes nowhere if the terminal is closed or the reader of a pipe is gone: it must not
    keep anything from being ended."""
    try:
        print(flush=True)  # behind the terminal's ^C
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
