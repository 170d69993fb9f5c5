"""Runs the lab's parts: `python -m portcullis.lab.supervisor --clone PATH`.

The quickstart's supervisor, which also holds parts back: `hold NAME` keeps one that ends from being started again,
`release NAME` starts it. Until the site is made, all but the network and the members are held. A part that died is
started again within half a second, however often it was killed: being killed is what it is here for.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from portcullis.lab import layout
from portcullis.lab.layout import Lab
from portcullis.lab.parts import parts
from portcullis.quickstart.backoff import Backoff
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.supervisor import Supervisor, main, only_one

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 0.5


class LabSupervisor(Supervisor):
    def __init__(self, lab: Lab) -> None:
        lab.pids.mkdir(exist_ok=True)
        super().__init__(
            parts(lab),
            lab.logs,
            str(lab.release),
            backoff=lambda: Backoff(longest_seconds=LONGEST_WAIT_SECONDS),
            on_started=lambda part, pid: note_pid(lab, part.name, pid),
        )
        if layout.JOINED not in lab.done:
            for runner in self.runners:
                if layout.kind_of(runner.part.name) not in ("links", "etcd"):
                    runner.hold()

    async def answer(self, command: str) -> dict[str, Any]:
        word, _, name = command.partition(" ")
        runner = next((each for each in self.runners if each.part.name == name), None)
        if word not in ("hold", "release"):
            return await super().answer(command)
        if runner is None:
            return {"error": f"no such part: {name}"}
        if word == "hold":
            runner.hold()
        else:
            runner.release()
        return {"held": not runner.is_free}


def note_pid(lab: Lab, name: str, pid: int) -> None:
    path = lab.pids / f"{name}.pid"
    partial = path.with_suffix(".partial")
    partial.write_text(f"{pid}\n")
    partial.replace(path)


async def supervise(clone: Path) -> None:
    lab = layout.load(clone)
    if lab is None:
        raise QuickstartError(f"{clone} has no cluster: run deploy/cluster.sh")
    with only_one(lab.state / "supervisor.lock"):
        try:
            await LabSupervisor(lab).run(lab.control_socket)
        finally:
            lab.supervisor_pid_file.unlink(missing_ok=True)


if __name__ == "__main__":
    main("Runs the parts of a lab.", supervise)
