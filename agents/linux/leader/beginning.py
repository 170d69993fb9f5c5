"""How a leader begins: it listens, leaves whoever started it, and becomes the reaper of its session.

It is run anew (`__main__.py`), or forked from a process that has loaded it, and the worker's program, already
(agents/linux/fork_server.py). Whoever started it waits until the socket listens.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from agents.linux.leader import loaded, processes
from agents.linux.leader.loaded import Loaded
from agents.linux.leader.session import Session
from agents.linux.leader.waiting import Waiting

SCRIPT = Path(__file__).with_name("__main__.py")


def command(folder: Path) -> Sequence[str]:
    """What a leader of that folder is called, in the list of processes too: a sweep finds it by that."""
    return sys.executable, "-I", "-S", str(SCRIPT), str(folder)


def begin(folder: Path) -> None:
    """In a process that was run for it. Returns when the session has ended."""
    listener = _listen(folder)
    _detach()
    processes.become_reaper()
    Session(folder, listener).run()


def fork(folder: Path, worker: Loaded) -> int:
    """The process id of one that listens. `worker`: the program of the session's worker. Raises OSError."""
    pid = 0
    reading, writing = os.pipe()
    try:
        with processes.child() as child:
            pid = child.pid
            if child.here:
                _begin_forked(folder, worker, writing)
    finally:
        os.close(writing)
        if pid:
            os.waitpid(pid, 0)
        with os.fdopen(reading, "rb") as said:
            leader = said.read()
    return int(leader)


def _begin_forked(folder: Path, worker: Loaded, writing: int) -> NoReturn:
    listener = _listen(folder)
    _detach()
    os.write(writing, str(os.getpid()).encode())
    loaded.keep_descriptors({0, 1, 2, listener.fileno()})
    loaded.show(command(folder), {})
    gc.enable()
    processes.become_reaper()
    Session(folder, listener, Waiting(worker)).run()
    os._exit(0)


def _listen(folder: Path) -> socket.socket:
    os.umask(0o077)  # the agent's account alone may connect
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "leader.sock"))
    listener.listen(4)
    return listener


def _detach() -> None:
    """Leave the agent's process group and session."""
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
