"""Ends what start.py began: `stop` keeps what was made, `reset` removes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from portcullis.errors import PortcullisError
from portcullis.quickstart import commands, control_socket, facts, instance, parts, supervising, terminal
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance
from portcullis.rest.client import Client
from portcullis.rest.profile import of_clone

LOG_OFF_SECONDS = 20.0
POLL_SECONDS = 0.1


def stop(found: Instance) -> None:
    """Sessions are logged off, parts stopped. Raises QuickstartError."""
    if control_socket.ask(found.control_socket, "status") is not None:
        if found.role == "site":
            with terminal.step("Logging off sessions"):
                log_off_all(found)
        elif found.role == "host":
            with terminal.step("Ending sessions"):
                commands.run(parts.end_sessions(found))  # while the agent can tell the broker
        with terminal.step(f"Stopping {' and '.join(parts.PARTS[found.role])}"):
            stop_supervisor(found)
    supervising.end_silent("supervisor", found.clone, found.supervisor_pid_file)
    if "agent" in parts.PARTS[found.role] and found.releases and found.release.exists():
        commands.run(parts.end_sessions(found))  # those that no broker knows, or that did not end


def log_off_all(found: Instance) -> None:
    """Through the API, so that the grid forgets them too. What does not answer in time is ended afterwards."""
    deadline = time.monotonic() + LOG_OFF_SECONDS
    try:
        client = Client(facts.own_profile(found, facts.read_secrets(found)), timeout_seconds=5)
        for session in client.items("admin", "sessions"):
            client.delete("admin", "sessions", str(session["id"]))
        while client.items("admin", "sessions") and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    except (PortcullisError, QuickstartError) as exc:
        print(f"(not by the broker: {exc}) ", end="")


def stop_supervisor(found: Instance) -> None:
    """Raises QuickstartError if it does not stop."""
    control_socket.ask(found.control_socket, "stop", control_socket.STOP_SECONDS)
    if control_socket.ask(found.control_socket, "status") is not None:
        raise QuickstartError(f"the supervisor does not stop: see {found.logs}/supervisor.log")


def reset(found: Instance) -> None:
    """Everything that this instance made is removed, but for the clone's `.venv`. Raises QuickstartError."""
    stop(found)
    with terminal.step("Removing accounts, homes and state"):
        for command in parts.removals(found):
            commands.run(command)
        found.place.clear()
        shutil.rmtree(found.runtime, ignore_errors=True)
        shutil.rmtree(found.state, ignore_errors=True)
        remove_releases(found.clone, found.place.releases)
        remove_facts(found)


def remove_facts(found: Instance) -> None:
    for path in (found.var / facts.FILE, found.var / facts.TRUSTED, of_clone(found.clone)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds files of somebody else
        found.var.rmdir()


def remove_releases(clone: Path, root: Path) -> None:
    """Those that no other instance refers to, and environments that no release uses any more."""
    if not root.is_dir():
        return
    with building_lock(root):
        needed = instance.releases_in_use(clone)
        if needed is None:
            return
        for doomed in root.glob(f"{DOOMED}*"):
            shutil.rmtree(doomed, ignore_errors=True)
        for release in root.iterdir():
            if release not in needed and not release.name.startswith((LOCK, "environment-")):
                remove_at_once(release)
        remove_unused_environments(root)
        left = {path.name for path in root.iterdir()}
        if left <= {LOCK}:
            shutil.rmtree(root, ignore_errors=True)


def remove_unused_environments(root: Path) -> None:
    used = {
        (path / "environment").resolve() for path in root.iterdir() if (path / "environment").is_symlink()
    }
    for path in root.glob("environment-*"):
        if path not in used:
            remove_at_once(path)


def remove_at_once(folder: Path) -> None:
    """Renamed before it is removed: whoever is killed meanwhile leaves nothing that looks whole."""
    doomed = folder.with_name(DOOMED + folder.name)
    with contextlib.suppress(OSError):
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


LOCK = ".lock"
DOOMED = ".removed-"


@contextlib.contextmanager
def building_lock(root: Path) -> Iterator[None]:
    """Nobody builds a release meanwhile, or is about to start one: deploy/quickstart.sh holds the same lock."""
    descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
