"""A person in front of a running instance: real signals, and a terminal that is closed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

STAYS = """
import pathlib, signal, sys, time
from portcullis.quickstart import control_socket, foreground, stop

def ends_slowly(found):
    print("stopping", flush=True)
    print("half", file=sys.stderr, flush=True)
    while not gate.exists():
        time.sleep(0.01)
    done.write_text("whole")

gate, done = map(pathlib.Path, sys.argv[1:])
control_socket.ask = lambda *_: {}
stop.stop = ends_slowly
class Found:
    control_socket = None
raise SystemExit(foreground.stay(Found))
"""


@contextmanager
def staying(gate: str, done: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """In a terminal of its own; with our end of that."""
    ours, theirs = pty.openpty()
    words = (sys.executable, "-c", STAYS, gate, done)
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        said = b""
        while b"Ctrl-C" not in said:
            said += os.read(ours, 4096)
        yield process, ours
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_leaves_no_half(tmp_path, number: signal.Signals) -> None:
    gate, done = tmp_path / "gate", tmp_path / "done"
    with staying(str(gate), str(done)) as (process, terminal):
        process.send_signal(number)
        said = b""
        while b"half" not in said:
            said += os.read(terminal, 4096)
        process.send_signal(number)
        gate.touch()
        assert process.wait(20) == 0
        os.close(terminal)
    assert done.read_text() == "whole"


def test_a_terminal_that_is_closed_ends_all(tmp_path) -> None:
    gate, done = tmp_path / "gate", tmp_path / "done"
    gate.touch()
    with staying(str(gate), str(done)) as (process, terminal):
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0
    assert done.read_text() == "whole"
