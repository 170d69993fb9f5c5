"""`python -I -m agents.linux.fork_server FD`: begins leaders that have the worker's program loaded already.

A worker's modules take 0.2 s of CPU to import, and most of its memory. Here they are imported once; each leader is
forked from this process, and each worker from its leader, so that all of them share those pages
(docs/decisions/0023-fork-server.md).

It is run by the agent, not forked from it: nothing that the agent knows was ever in its memory. It has one thread, no
event loop, and one descriptor: the agent's end of it asks for leaders, a line each, and is answered by a line each.
When the agent closes it or dies, this process ends; what it has forked lives on.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import agents.worker.__main__ as worker
from agents.linux import backend, desktop
from agents.linux.leader import beginning, loaded
from agents.worker.memory import give_back

WORKER = "agents.worker"
SHARED = (backend, desktop)
"""A worker imports them when it needs them: after the fork it would have them for itself alone."""


def main(arguments: Sequence[str]) -> None:
    channel = socket.socket(fileno=int(arguments[0]))
    loaded.show(sys.orig_argv, {})  # where the kernel refuses that, leaders must be run anew
    _settle()
    with channel.makefile("rb") as asked:
        for line in asked:
            channel.sendall(json.dumps(begin(Path(json.loads(line)["folder"]))).encode() + b"\n")


def begin(folder: Path) -> dict[str, object]:
    try:
        return {"pid": beginning.fork(folder, _run_worker), "error": None}
    except OSError as exc:
        return {"error": str(exc)}


def _run_worker(command: Sequence[str]) -> int:
    return worker.main(command[command.index(WORKER) + 1 :])


def _settle() -> None:
    """What is here now is shared by all that is forked: a collection would write to all of it. Raises RuntimeError."""
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  # names alone
        raise RuntimeError("a thread was started before the fork: what it holds would be held for ever")
    gc.collect()
    gc.disable()
    gc.freeze()
    give_back()


if __name__ == "__main__":
    main(sys.argv[1:])
