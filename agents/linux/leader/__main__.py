"""Begin a leader, detached: `python -I -S __main__.py FOLDER`. After one that was killed: `... --sweep FOLDER`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))  # -I and -S leave nothing but the standard library

from agents.linux.leader import processes, traces
from agents.linux.leader.session import Session


def main(arguments: list[str]) -> None:
    os.umask(0o077)
    if arguments[0] == "--sweep":
        sweep(Path(arguments[1]))
        return
    folder = Path(arguments[0])
    listener = _listen(folder)
    _detach()
    processes.become_reaper()
    Session(folder, listener).run()


def sweep(folder: Path) -> None:
    """End and remove what a leader left that was killed or cannot be reached: such a one is killed first, lest it
    writes what is being removed. Its direct children die with it, the others bear its mark."""
    facts = _read_facts(folder)
    while found := processes.leaders(__file__, Path(facts.get("begun_in", folder))):
        processes.kill(found)
        time.sleep(0.01)
    if facts := _read_facts(folder):
        marks = {facts["session"], facts.get("mark", facts["session"])}
        while found := processes.members(facts["groups"]) | processes.marked(marks):
            processes.kill_members(facts["groups"])
            processes.kill(found)
            time.sleep(0.01)  # they are nobody's children here: no event tells of their end
        traces.remove(folder, facts)
    shutil.rmtree(folder, ignore_errors=True)


def _read_facts(folder: Path) -> dict[str, Any]:
    """What the leader noted; nothing when it had not come so far; where its notes are damaged, what its name tells."""
    try:
        facts: dict[str, Any] = json.loads((folder / "session.json").read_text())
        facts["session"], facts["groups"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError):
        return traces.guessed(folder)
    return facts


def _listen(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "leader.sock"))  # umask 077: the agent's account alone may connect
    listener.listen(4)
    return listener


def _detach() -> None:
    """Leave the agent's process group and session; whoever started this waits until the socket listens."""
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


if __name__ == "__main__":
    main(sys.argv[1:])
