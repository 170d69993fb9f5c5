"""Begin a leader, detached: `python -I -S __main__.py FOLDER`. After one that was killed: `... --sweep FOLDER`."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))  # -I and -S leave nothing but the standard library

from agents.linux.leader import beginning, processes, traces


def main(arguments: list[str]) -> None:
    if arguments[0] == "--sweep":
        sweep(Path(arguments[1]))
        return
    beginning.begin(Path(arguments[0]))


def sweep(folder: Path) -> None:
    """End and remove what a leader left that was killed or cannot be reached: such a one is killed first, lest it
    writes what is being removed. Its direct children die with it, the others bear its mark."""
    facts = _read_facts(folder)
    begun_in = Path(facts.get("begun_in", folder))
    while processes.leaders(__file__, begun_in):
        processes.kill(lambda: processes.leaders(__file__, begun_in))
        time.sleep(0.01)
    if facts := _read_facts(folder):
        marks = {facts["session"], facts.get("mark", facts["session"])}
        while processes.members(facts["groups"]) | processes.marked(marks):
            processes.kill_members(facts["groups"])
            processes.kill(lambda: processes.marked(marks))
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


if __name__ == "__main__":
    main(sys.argv[1:])
