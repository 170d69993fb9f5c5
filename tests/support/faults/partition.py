"""Networks that break without a word: packets of one process to some ports are dropped, as by a dead switch.

Each process of a cluster runs under a group of its own (and as root otherwise), by which the rules know it. They stand
in one table of this test, on the ports of this test, and go with it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from types import TracebackType

FIRST_GROUP = 61100


class Partition:
    """A context manager: what was cut is whole again at the end."""

    def __init__(self) -> None:
        self._table = f"portcullis_test_{os.getpid()}"

    def __enter__(self) -> Partition:
        _nft(f"add table inet {self._table}")
        _nft(f"add chain inet {self._table} cut {{ type filter hook output priority 0; }}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _nft(f"delete table inet {self._table}")

    def cut(self, ports: Iterable[int], *, group: int | None = None) -> None:
        """Nothing reaches these ports any more: from processes of `group`, or from anybody."""
        whose = "" if group is None else f"meta skgid {group} "
        listed = ", ".join(map(str, ports))
        _nft(f"add rule inet {self._table} cut {whose}tcp dport {{ {listed} }} drop")

    def heal(self) -> None:
        _nft(f"flush chain inet {self._table} cut")


def _nft(command: str) -> None:
    done = subprocess.run(["nft", command], capture_output=True, text=True)
    assert done.returncode == 0, f"nft {command}: {done.stderr}"
