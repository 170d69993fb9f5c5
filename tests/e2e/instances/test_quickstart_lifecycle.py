"""The quickstart from the first start to the reset, in a clone of its own beside the one of the other tests.

Every test begins with one that runs.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from portcullis.quickstart import control_socket, instance
from portcullis.quickstart.instance import Instance
from portcullis.rest.client import Client
from portcullis.rest.profile import read
from tests.e2e.conftest import Installation, copy_of_the_tree, free_port
from tests.support import environments
from tests.support.patience import until_now

DISPLAY = {
    "width": 800,
    "height": 600,
    "device_pixel_ratio": 1,
    "locale": "en-US",
    "layout": "us",
    "time_zone": "UTC",
}
EDITOR = "kind: application\nname: Editor\ncommand: [mousepad]\nentitled: {users: [admin]}\n"


class Clone:
    def __init__(self, folder: Path) -> None:
        self.folder = copy_of_the_tree(folder)
        self.port = free_port()

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["deploy/quickstart.sh", "--no-install", *options],
            cwd=self.folder,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def start(self) -> dict[str, Any]:
        """The facts. An instance that is there keeps its port, so none is asked for then."""
        options = () if instance.load(self.folder) else ("--port", str(self.port))
        done = self.run(*options)
        assert done.returncode == 0, done.stdout
        facts: dict[str, Any] = json.loads((self.folder / "var/quickstart.json").read_text())
        return facts

    def running(self) -> dict[str, Any]:
        """The facts, and that it runs, where that is all that a test wants."""
        found = instance.load(self.folder)
        if found is None or control_socket.ask(found.control_socket, "status") is None:
            return self.start()
        return dict(json.loads((self.folder / "var/quickstart.json").read_text()))

    @property
    def instance(self) -> Instance:
        found = instance.load(self.folder)
        assert found is not None
        return found

    def client(self) -> Client:
        return Client(read(self.folder / "var/profile.json"))

    def processes(self) -> dict[str, psutil.Process]:
        """Supervisor, broker, gateway and agent."""
        state = str(instance.state_folder(self.folder))
        found = {}
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            name = next(
                (Path(w).name.removeprefix("portcullis-") for w in words if "/bin/portcullis-" in w), None
            )
            if "portcullis.quickstart.supervisor" in words and str(self.folder) in words:
                found["supervisor"] = process
            elif name and "serve" in words and any(word.startswith(state) for word in words):
                found[name] = process
        return found

    def launch(self) -> str:
        """A session of the administrator, whose token scripts have. Its id."""
        (self.folder / "var/editor.yaml").write_text(EDITOR)
        command = [str(self.folder / ".venv/bin/portcullis"), "apply", "-f", "var/editor.yaml"]
        subprocess.run(command, cwd=self.folder, check=True)
        client = self.client()
        (editor,) = (item for item in client.items("admin", "applications") if item["name"] == "Editor")
        session = client.post("sessions", body={"application": editor["id"], "display": DISPLAY})["session"][
            "id"
        ]
        until_now(lambda: client.get("sessions", session)["state"] == "ready", seconds=60)
        return str(session)

    def session_processes(self) -> dict[str, psutil.Process]:
        """Of the accounts that the agent made."""
        prefix = f"pc{instance.instance_key(self.folder)}"
        found = {}
        for process in psutil.process_iter(["name", "username"]):
            if (process.info["username"] or "").startswith(prefix):
                found[process.info["name"]] = process
        return found

    def processes_of(self, session: str) -> set[psutil.Process]:
        """What the leader of one session keeps, itself included; not what is kept ready for the next one."""
        facts = json.loads((self.instance.runtime / "sessions" / session / "session.json").read_text())
        (leader,) = (
            process
            for process in psutil.process_iter(["cmdline"])
            if (process.info["cmdline"] or [""])[-1] == facts["begun_in"]
        )
        return {leader, *leader.children(recursive=True)}


@pytest.fixture(scope="module")
def clone(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("lifecycle") / "portcullis")
    environments.prepare(made.folder)
    yield made
    done = made.run("--reset", "--yes")
    assert done.returncode == 0, done.stdout


def test_looking_at_a_fresh_clone_installs_nothing(tmp_path: Path) -> None:
    fresh = Clone(tmp_path / "portcullis")
    assert [fresh.run(action).returncode for action in ("--status", "--stop", "--reset")] == [3, 0, 0]
    assert not (fresh.folder / ".venv").exists()
    assert not (fresh.folder / "var").exists()


@pytest.mark.parametrize(
    "options", [("--prot", "1"), ("--port",), ("--port", "x"), ("--port", "0"), ("--stop", "--reset")]
)
def test_wrong_usage_starts_nothing(clone: Clone, options: tuple[str, ...]) -> None:
    before = clone.processes()
    assert clone.run(*options).returncode != 0
    assert clone.processes() == before


def test_the_facts_are_complete_and_private(clone: Clone) -> None:
    facts = clone.start()
    assert set(facts) == {
        *("url", "ca_cert", "tenant", "username", "password", "totp_secret"),
        *("admin_username", "admin_password", "admin_totp_secret", "applications"),
    }
    assert facts["url"] == f"http://localhost:{clone.port}"
    assert facts["ca_cert"] is None
    assert {"XTerm", "Mousepad"} <= set(facts["applications"])
    for path in (clone.folder / "var").glob("*.json"):
        assert path.stat().st_mode & 0o077 == 0
    with urllib.request.urlopen(facts["url"]) as page:
        assert page.status == 200


def test_a_second_run_keeps_everything(clone: Clone) -> None:
    facts, processes = clone.start(), clone.processes()
    assert set(processes) == {"supervisor", "broker", "gateway", "agent"}
    assert clone.start() == facts
    assert clone.processes() == processes


def test_services_listen_on_loopback_alone_and_give_up_root(clone: Clone) -> None:
    clone.running()
    service = pwd.getpwnam(clone.instance.place.service_account).pw_uid
    processes = clone.processes()
    listening = [
        connection.laddr.ip
        for process in processes.values()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}
    assert {name: process.uids().real for name, process in processes.items()} == {
        "supervisor": 0,
        "broker": service,
        "gateway": service,
        "agent": 0,
    }


def test_a_part_that_dies_runs_again(clone: Clone) -> None:
    clone.running()
    before = clone.processes()
    for name in ("broker", "gateway", "agent"):
        before[name].kill()
    until_now(lambda: clone.run("--status").returncode == 0, seconds=60)
    after = clone.processes()
    assert after["supervisor"] == before["supervisor"]
    assert all(after[name] != before[name] for name in ("broker", "gateway", "agent"))


def test_a_killed_supervisor_takes_its_parts_along_and_is_replaced(clone: Clone) -> None:
    facts = clone.running()
    processes = clone.processes()
    processes["supervisor"].kill()
    assert psutil.wait_procs(list(processes.values()), timeout=60)[1] == []
    assert clone.run("--status").returncode == 3
    assert clone.start() == facts
    assert clone.run("--status").returncode == 0


def test_sessions_go_on_while_the_code_changes(clone: Clone) -> None:
    clone.running()
    session = clone.launch()
    before, release = clone.processes_of(session), clone.instance.release
    with (clone.folder / "portcullis/clock.py").open("a") as module:
        module.write("# changed\n")
    clone.start()
    assert clone.instance.release != release
    assert clone.processes_of(session) == before
    assert {"python", "Xvfb", "mousepad"} <= {process.name() for process in before}
    assert [item["id"] for item in clone.client().items("admin", "sessions")] == [session]


def test_stop_ends_sessions_and_a_start_brings_everything_back(clone: Clone) -> None:
    facts = clone.running()
    session = clone.launch()
    (home,) = clone.instance.homes.iterdir()
    (home / "letter.txt").write_text("Dear")
    assert clone.run("--stop").returncode == 0
    assert clone.processes() == {}
    assert clone.session_processes() == {}
    assert not list(Path("/dev/shm").glob(f"*{session}*"))
    assert not list((clone.instance.runtime / "sessions").glob("*"))
    assert clone.run("--status").returncode == 3
    assert clone.run("--stop").returncode == 0
    again = clone.start()
    assert {**again, "applications": []} == {**facts, "applications": []}
    assert (home / "letter.txt").read_text() == "Dear"
    assert clone.client().items("admin", "sessions") == []


def test_what_an_administrator_takes_away_stays_away(clone: Clone) -> None:
    clone.running()
    clone.client().delete("admin", "applications", "XTerm")
    clone.run("--stop")
    assert "XTerm" not in clone.start()["applications"]


def test_a_port_that_is_taken_is_named(clone: Clone) -> None:
    clone.running()
    clone.run("--stop")
    with socket.create_server(("127.0.0.1", clone.instance.ports.public)):
        done = clone.run()
    assert done.returncode == 1
    assert f"port {clone.instance.ports.public}" in done.stdout


def test_another_port_is_refused_once_the_site_is_made(clone: Clone) -> None:
    clone.running()
    done = clone.run("--port", str(free_port()))
    assert done.returncode == 1
    assert "--reset" in done.stdout


def test_the_foreground_ends_with_its_signal(clone: Clone) -> None:
    clone.running()
    clone.run("--stop")
    command = ["deploy/quickstart.sh", "--no-install", "--foreground"]
    with subprocess.Popen(command, cwd=clone.folder, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        shown = iter(process.stdout.readline, "")
        assert any("Ctrl-C stops everything" in line for line in shown)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == 0
    assert clone.processes() == {}


def test_a_start_that_was_cut_short_is_made_good(clone: Clone) -> None:
    clone.running()
    clone.run("--stop")
    found = clone.instance
    instance.save(Instance(found.clone, found.ports, found.releases))  # as if it had not come to joining
    (found.state / "init").mkdir()
    facts = clone.start()
    assert clone.run("--status").returncode == 0
    assert "XTerm" in facts["applications"]


def test_reset_asks_first(clone: Clone) -> None:
    clone.running()
    assert clone.run("--reset").returncode == 1
    assert clone.run("--status").returncode == 0


def test_reset_leaves_nothing_and_no_neighbour_notices(clone: Clone, installation: Installation) -> None:
    clone.running()
    clone.launch()
    key, found = instance.instance_key(clone.folder), clone.instance
    (clone.folder / "var/editor.yaml").unlink()
    done = clone.run("--reset", "--yes")
    assert done.returncode == 0, done.stdout
    assert [account.pw_name for account in pwd.getpwall() if key in account.pw_name] == []
    assert [
        path for folder in ("/var/lib", "/run", "/tmp", "/dev/shm") for path in Path(folder).glob(f"*{key}*")
    ] == []
    assert [process for process in psutil.process_iter() if key in " ".join(command_line(process))] == []
    assert not (clone.folder / "var").exists()
    used = {release for other in instance.others(clone.folder) for release in other.releases}
    assert [release for release in found.releases if release.exists() and release not in used] == []
    assert installation.run("--status").returncode == 0


def command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_root_is_asked_for(clone: Clone) -> None:
    """Without sudo on PATH, somebody else is told what is needed."""
    for folder in (clone.folder, *clone.folder.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(
        [
            "setpriv",
            "--reuid",
            "65534",
            "--clear-groups",
            "env",
            "PATH=/nowhere",
            "/bin/bash",
            "deploy/quickstart.sh",
        ],
        cwd=clone.folder,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert "needs root or sudo" in done.stderr
