"""The lab's parts in the hands of the drill: killed, frozen, held back, cut off, and put back.

Everything that is broken is noted, so that `restore` puts all of it back, also after Ctrl-C. What may take a while is
done in a thread: the clock of the live sessions must not stand still for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcullis.lab import control, layout
from portcullis.lab.layout import Lab
from portcullis.lab.rules import EVERYBODY, Kind, Rule
from portcullis.quickstart import control_socket
from portcullis.quickstart.errors import QuickstartError

READY_SECONDS = 90.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    name: str


class Scene:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._frozen: dict[str, int] = {}
        self._held: set[str] = set()
        self._rules: list[Rule] = []

    def pid(self, name: str) -> int:
        """Raises QuickstartError for a part that does not run."""
        status = control.ask(self.lab, "status")
        for part in status["parts"] if status else ():
            if part["name"] == name and part["pid"]:
                return int(part["pid"])
        raise QuickstartError(f"{name} does not run: deploy/cluster.sh --status says more")

    async def kill(self, *names: str) -> None:
        for pid in [await asyncio.to_thread(self.pid, name) for name in names]:
            os.kill(pid, signal.SIGKILL)

    def kill_process(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    async def freeze(self, name: str) -> None:
        pid = await asyncio.to_thread(self.pid, name)
        self._frozen[name] = pid
        os.kill(pid, signal.SIGSTOP)

    async def hold(self, *names: str) -> None:
        """Once they have ended they are not started again."""
        self._held.update(names)
        for name in names:
            await asyncio.to_thread(control.ask, self.lab, f"hold {name}")

    async def detach(self, name: str, kind: Kind, *others: str) -> None:
        """Off the network, or away from some others: `stall` (silence) or `cut` (resets)."""
        self._rules += [Rule(kind, name, other) for other in others or (EVERYBODY,)]
        await asyncio.to_thread(self._send_rules)

    def restore(self) -> None:
        """All that was broken and does not come back by itself."""
        for pid in self._frozen.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.clear()
        for name in self._held:
            control.ask(self.lab, f"release {name}")
        self._held.clear()
        if self._rules:
            self._rules.clear()
            self._send_rules()

    async def leader(self) -> str | None:
        """Of the etcd members."""
        return await asyncio.to_thread(self._leader)

    def _leader(self) -> str | None:
        return next(
            (name for name in self.lab.members if control.is_leader(self.lab.ports[f"{name}.metrics"])), None
        )

    def url_of(self, gateway: str) -> str:
        return self.lab.urls[self.lab.gateways.index(gateway)]

    def agent_of(self, host: str) -> str:
        return host.replace("host", "agent")

    @property
    def homes(self) -> list[Path]:
        return [self.lab.homes(agent) for agent in self.lab.agents]

    def trouble(self, *names: str) -> str | None:
        for name in names or self.lab.services:
            if (found := control.trouble_of(self.lab, name)) is not None:
                return found
        return None

    async def until_ready(self, *names: str, seconds: float = READY_SECONDS) -> float:
        """Since when, monotonic. Raises QuickstartError after `seconds`."""
        deadline = time.monotonic() + seconds
        while (found := await asyncio.to_thread(self.trouble, *names)) is not None:
            if time.monotonic() > deadline:
                raise QuickstartError(f"not ready again within {seconds:.0f} s: {found}")
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic()

    def restarts(self) -> dict[str, int]:
        status = control.ask(self.lab, "status")
        return {part["name"]: int(part["restarts"]) for part in status["parts"]} if status else {}

    def _send_rules(self) -> dict[str, Any] | None:
        rules = json.dumps([rule.to_json() for rule in self._rules])
        return control_socket.ask(self.lab.links_socket, f"rules {rules}")


def find(clone: Path) -> Lab:
    """The running lab of this clone. Raises QuickstartError."""
    lab = layout.load(clone)
    if lab is None:
        raise QuickstartError("there is no cluster here: deploy/cluster.sh starts one")
    if control.ask(lab, "status") is None:
        raise QuickstartError("the cluster is stopped: deploy/cluster.sh starts it")
    return lab
