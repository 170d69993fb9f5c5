"""Ends what start.py began: `stop` keeps what was made, `reset` removes it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from portcullis.errors import PortcullisError
from portcullis.lab import card, layout, parts
from portcullis.lab.control import ask
from portcullis.lab.layout import Lab, Shape
from portcullis.quickstart import accounts, commands, control_socket, supervising, terminal
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.stop import remove_releases
from portcullis.rest.client import Client
from portcullis.rest.profile import of_clone

LOG_OFF_SECONDS = 20.0
POLL_SECONDS = 0.2
ALL = 9
"""How many parts of a kind there may be: all of them are looked for where the file is damaged."""


def stop(lab: Lab) -> None:
    """Sessions are logged off, parts stopped. Raises QuickstartError."""
    if ask(lab, "status") is not None:
        undo_faults(lab)
        with terminal.step("Logging off sessions"):
            log_off_all(lab)
        with terminal.step("Stopping the parts"):
            stop_supervisor(lab)
    supervising.end_silent("lab.supervisor", lab.clone, lab.supervisor_pid_file)
    if lab.release.exists():
        for name in lab.agents:
            if lab.runtime(name).exists():
                commands.run(parts.end_sessions(lab, name))  # those that no broker knows


def undo_faults(lab: Lab) -> None:
    """What a drill that was killed may have left: parts that are held or frozen, links that are cut."""
    status = ask(lab, "status")
    for part in status["parts"] if status else ():
        if layout.JOINED in lab.done:
            ask(lab, f"release {part['name']}")
        if part["pid"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(part["pid"], signal.SIGCONT)
    control_socket.ask(lab.links_socket, "rules []")


def log_off_all(lab: Lab) -> None:
    """Through the API, so that the grid forgets them too."""
    deadline = time.monotonic() + LOG_OFF_SECONDS
    try:
        client = Client(card.profile_of(lab), timeout_seconds=5)
        for session in client.items("admin", "sessions"):
            client.delete("admin", "sessions", str(session["id"]))
        while client.items("admin", "sessions") and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    except (PortcullisError, QuickstartError) as exc:
        print(f"(not by a broker: {exc}) ", end="")


def stop_supervisor(lab: Lab) -> None:
    """Raises QuickstartError if it does not stop."""
    ask(lab, "stop", control_socket.STOP_SECONDS * 2)
    if ask(lab, "status") is not None:
        raise QuickstartError(f"the supervisor does not stop: see {lab.logs}/supervisor.log")


def reset(clone: Path, yes: bool) -> int:
    lab = lab_to_remove(clone)
    if lab is None:
        print("There is nothing to remove.")
        return 0
    if not yes and not confirmed(lab):
        print("Nothing was removed.")
        return 1
    stop(lab)
    with terminal.step("Removing accounts, homes and state"):
        for name in lab.agents:
            commands.run(parts.remove_accounts(lab, name))
        accounts.remove_service_account(lab.place.service_account)
        shutil.rmtree(lab.place.runtime, ignore_errors=True)
        shutil.rmtree(lab.state, ignore_errors=True)
        remove_releases(lab.folder, lab.place.releases)
        for path in (lab.var / card.FILE, of_clone(clone)):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it holds files of somebody else
            lab.var.rmdir()
    return 0


def lab_to_remove(clone: Path) -> Lab | None:
    """Also one whose file is damaged or missing, as long as anything of it is there."""
    try:
        found = layout.load(clone)
    except QuickstartError:
        found = None
    if found is not None and found.release.exists():
        return found
    release = Path(sys.prefix)
    nameless = Lab(clone, release, found.shape if found else Shape(agents=ALL), found.ports if found else {})
    return nameless if nameless.place.is_there() else None


def confirmed(lab: Lab) -> bool:
    print(f"This ends all sessions and removes {lab.place.what_reset_removes}.")
    try:
        return input("Remove it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
