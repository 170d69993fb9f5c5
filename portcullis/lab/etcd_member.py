"""One etcd member as a process: which program, and its arguments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "PORTCULLIS_ETCD"
DEBIAN = Path("/usr/bin/etcd")
QUOTA_BYTES = 1 << 30
RECOMMENDED = (
    *("--auto-compaction-mode", "periodic", "--auto-compaction-retention", "10m"),
    *("--heartbeat-interval", "100", "--election-timeout", "500"),  # of a local network: half the usual wait
    # A member holds the log of the last so many changes, and of 5,000 more, in memory: 3.4 and 3.5 would let it
    # grow to 100,000 of them, 300 MB of launches, before it is cut for the first time.
    *("--snapshot-count", "1000"),
)
"""For every member of a site (docs/etcd.md)."""
_VERSION = re.compile(r"etcd Version: (\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Tls:
    """Files, PEM."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Member:
    """Where it listens, and what others are told to dial. Addresses are `host:port`."""

    name: str
    folder: Path
    client_listen: str
    client: str
    peer_listen: str
    peer: str
    metrics: str | None = None
    """Plain http: metrics and health."""
    tls: Tls | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    @property
    def peer_url(self) -> str:
        return f"{self.scheme}://{self.peer}"


def arguments(member: Member, cluster: Sequence[Member], token: str, state: str = "new") -> tuple[str, ...]:
    """`state`: `new` for a cluster that begins, `existing` for a member that was added to one."""
    scheme = member.scheme
    words: list[str] = [
        *("--name", member.name, "--data-dir", str(member.folder)),
        *("--listen-client-urls", f"{scheme}://{member.client_listen}"),
        *("--advertise-client-urls", f"{scheme}://{member.client}"),
        *("--listen-peer-urls", f"{scheme}://{member.peer_listen}"),
        *("--initial-advertise-peer-urls", member.peer_url),
        *("--initial-cluster", ",".join(f"{each.name}={each.peer_url}" for each in cluster)),
        *("--initial-cluster-state", state, "--initial-cluster-token", token),
        *RECOMMENDED,
        *("--quota-backend-bytes", str(QUOTA_BYTES), "--logger", "zap"),
    ]
    if member.metrics:
        words += ["--listen-metrics-urls", f"http://{member.metrics}"]
    if member.tls:
        for kind in ("", "peer-"):
            words += [f"--{kind}trusted-ca-file", str(member.tls.ca)]
            words += [f"--{kind}cert-file", str(member.tls.certificate)]
            words += [f"--{kind}key-file", str(member.tls.key), f"--{kind}client-cert-auth"]
    return tuple(words)


def find() -> tuple[Path, tuple[int, int, int]] | None:
    """The program that $PORTCULLIS_ETCD names, else the newest of PATH and Debian's, with its version."""
    named = os.environ.get(VARIABLE)  # noqa: TID251  # of whoever starts a lab or the tests
    candidates = [named] if named else [shutil.which("etcd"), "/usr/local/bin/etcd", str(DEBIAN)]
    found = {Path(path): version for path in candidates if path and (version := version_of(path)) is not None}
    return max(found.items(), key=lambda item: item[1], default=None)


def version_of(path: str) -> tuple[int, int, int] | None:
    try:
        said = subprocess.run((path, "--version"), capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(said.stdout)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
