"""The lab, from a fresh copy of this tree: a cluster comes up, takes a drill without a broken promise, and goes.

What the drill promises in full is not tried here (`portcullis drill` takes minutes): a death of each kind of part, with
characters counted, is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portcullis.lab import layout
from portcullis.lab.layout import Lab
from tests.e2e.conftest import copy_of_the_tree
from tests.support import environments
from tests.support.patience import patient

FAULTS = ("etcd-leader-killed", "broker-killed", "gateway-killed", "agent-killed", "worker-killed")
RESTART_SECONDS = 20.0


@dataclass
class Cluster:
    clone: Path

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self._run("deploy/cluster.sh", "--no-install", *options)

    def drill(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self._run(".venv/bin/portcullis", "drill", *options)

    @property
    def lab(self) -> Lab:
        found = layout.load(self.clone)
        assert found is not None
        return found

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads((self.clone / "var/cluster.json").read_text()))

    def pid(self, part: str) -> int:
        return int((self.lab.pids / f"{part}.pid").read_text())

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.clone, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(copy_of_the_tree(tmp_path_factory.mktemp("lab") / "portcullis"))
    environments.prepare(made.clone)
    result = made.run()
    assert result.returncode == 0, result.stdout + result.stderr
    yield made
    made.run("--reset", "--yes")


def test_a_whole_cluster_comes_up_and_a_second_run_finds_it_running(cluster: Cluster) -> None:
    kinds = [part["kind"] for part in cluster.facts["parts"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        **{"links": 1, "etcd": 3, "broker": 3},
        **{"gateway": 2, "agent": 2},
    }
    before = {part: cluster.pid(part) for part in cluster.lab.services}
    again = cluster.run()
    assert again.returncode == 0, again.stderr
    assert cluster.facts["url"] in again.stdout and cluster.facts["password"] in again.stdout
    assert {part: cluster.pid(part) for part in cluster.lab.services} == before


def test_what_is_killed_is_started_again(cluster: Cluster) -> None:
    before = cluster.pid("broker-3")
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + patient(RESTART_SECONDS)
    while cluster.pid("broker-3") == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert cluster.pid("broker-3") != before
    assert cluster.run().returncode == 0  # which waits until every part is ready


def test_a_drill_loses_nothing_and_puts_everything_back(cluster: Cluster, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    result = cluster.drill(
        "--faults", ",".join(FAULTS), "--sessions", "2", "--json", str(figures), "--seed", "1"
    )
    rows = json.loads(figures.read_text())
    assert {row["fault"] for row in rows} == set(FAULTS), result.stdout + result.stderr
    # times are the machine's and the load's of the moment: what is lost is not
    for row in rows:
        assert (row["lost"], row["doubled"], row["kept"]) == (0, 0, row["kept_of"]), result.stdout
        assert row["kept_of"] > 0
    status = cluster.run("--status")
    assert "down" not in status.stdout and "Links" not in status.stdout
    home = [path for agent in cluster.lab.agents for path in cluster.lab.homes(agent).glob("*/drill-typed.*")]
    assert home, "the applications wrote what was typed"


def test_a_drill_that_is_interrupted_thaws_what_it_froze(cluster: Cluster) -> None:
    drill = subprocess.Popen(
        [cluster.clone / ".venv/bin/portcullis", "drill", "--faults", "agent-frozen", "--sessions", "1"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with drill:
        deadline = time.monotonic() + patient(60)
        while not any(state_of(cluster.pid(part)) == "T" for part in cluster.lab.agents):
            assert time.monotonic() < deadline and drill.poll() is None
            time.sleep(0.05)
        drill.send_signal(signal.SIGINT)
        assert drill.stdout is not None
        assert "Putting everything back" in drill.stdout.read()
    assert drill.returncode == 1
    assert all(state_of(cluster.pid(part)) != "T" for part in cluster.lab.agents)


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_reset_leaves_nothing(cluster: Cluster) -> None:
    lab = cluster.lab
    pids = [cluster.pid(part) for part in (layout.LINKS, *lab.services)]
    result = cluster.run("--reset", "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert not lab.state.exists() and not lab.place.runtime.exists()
    assert lab.place.key not in Path("/etc/passwd").read_text()
    assert not any(str(lab.state) in command_of(pid) for pid in pids)
    assert not (cluster.clone / "var").exists()
    assert cluster.run("--status").returncode == 3


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
