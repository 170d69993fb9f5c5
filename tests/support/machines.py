"""Machines of a test: network namespaces on one bridge. They share the disk, and nothing of the network.

    with machines("a", "b") as (one, other):
        one.run("deploy/quickstart.sh", "--listen", one.address, cwd=clone)

`nsenter`, not `ip netns exec`: the latter hides /sys, and the cgroups with it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NETWORK = "198.51.100"  # TEST-NET-2 (RFC 5737)


@dataclass(frozen=True)
class Machine:
    namespace: str
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """In front of a command that is to run there."""
        return ("nsenter", f"--net=/run/netns/{self.namespace}")

    def run(
        self,
        *command: str,
        cwd: Path,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.prefix, *command], cwd=cwd, env=env, input=stdin, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done


@contextlib.contextmanager
def machines(*names: str) -> Iterator[list[Machine]]:
    """All on one bridge in a namespace of its own."""
    switchboard = f"pct{os.getpid()}"
    made = [Machine(f"{switchboard}{name}", f"{NETWORK}.{n}") for n, name in enumerate(names, 1)]
    namespaces = [switchboard, *(machine.namespace for machine in made)]
    try:
        for namespace in namespaces:
            ip("netns", "add", namespace)
        ip("-n", switchboard, "link", "add", "bridge0", "type", "bridge")
        ip("-n", switchboard, "link", "set", "bridge0", "up")
        for machine in made:
            _connect(machine, switchboard)
        yield made
    finally:
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)


def _connect(machine: Machine, switchboard: str) -> None:
    port = machine.namespace[-8:] + "p"
    ip(
        "-n",
        switchboard,
        "link",
        "add",
        port,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        machine.namespace,
    )
    ip("-n", switchboard, "link", "set", port, "master", "bridge0", "up")
    ip("-n", machine.namespace, "address", "add", f"{machine.address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        ip("-n", machine.namespace, "link", "set", device, "up")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
