"""What a session needs before its processes start, from the agent's `launch`: folders, groups, accounts, commands.

What it `facts` notes stands in FOLDER/session.json, for a sweep that has nothing of this process's memory.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from agents.linux.leader import out_of_memory, processes, quarters, traces

ROLES = {
    "display": "worker",
    "worker": "worker",
    "bus": "user",
    "window_manager": "user",
    "application": "user",
}


class Failure(Exception):
    """The session cannot go on. `code` is a key of portcullis.errors.CODES."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Premises:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.launch: dict[str, Any] = {}
        self.facts: dict[str, Any] = {"groups": []}
        self.quarters_missing: str | None = None
        """Why the user's programs have no private folders: a container may not mount, say."""
        self._quarters: quarters.Quarters | None = None
        self._cookie = b""

    def make_display(self) -> None:
        """What display and worker need: the user may not be known yet. Raises Failure, OSError; KeyError when `launch`
        lacks something."""
        self._make_worker_folders()
        self._make_groups()

    def make_session(self) -> None:
        """All else. Raises as `make_display`."""
        self._make_user_folder()
        self._make_quarters()
        self._check_application()

    def has_run_out_of_memory(self) -> bool:
        return out_of_memory.kills(self.launch["group"]["user"]) > 0

    def is_home_full(self) -> bool:
        return not processes.can_write(self.launch["home"], self.confinement("application"))

    def move(self, folder: Path) -> None:
        """Prepared ahead, and given to a session now: the agent has moved the folder, and what lies in it is found
        there. The framebuffer's bears the name of its session, too."""
        before = Path(self.facts["framebuffer"])
        after = traces.framebuffer_folder(self.launch["session"])
        self._folder = folder
        self.note(session=self.launch["session"], framebuffer=str(after), framebuffer_before=str(before))
        before.rename(after)

    def note(self, **facts: object) -> None:
        self.facts.update(facts)
        traces.write_atomically(self._folder / "session.json", self.facts)

    def confinement(self, name: str) -> processes.Confinement:
        """Of a process, by its name."""
        role = ROLES[name]
        account = self._account(role)
        groups = self.launch["group"][role]
        if role == "worker":
            # From there the display finds its cookie, wherever the folder is moved.
            limits, own_folder = self.launch[name]["limits"], str(self._folder / "worker")
            return processes.Confinement(account, groups, limits, own_folder)
        limits, home = self.launch["limits"], self.launch["home"]
        # dbus-daemon puts a process between itself and each service, and kills it once the service has its name: the
        # leader would take the service for what the application left behind, and keep the session for it.
        return processes.Confinement(account, groups, limits, home, self._quarters, adopts=name == "bus")

    def environment(self, name: str) -> dict[str, str]:
        """Of a process; with DISPLAY for the user's ones."""
        own = {**self.launch[name]["environment"], processes.MARKER: self.launch["session"]}
        return {**own, "DISPLAY": self.facts["display"]} if ROLES[name] == "user" else own

    def display_command(self, number_descriptor: int) -> list[str]:
        return [
            *self.launch["display"]["command"],
            *("-fbdir", self.facts["framebuffer"]),
            *("-auth", traces.XAUTHORITY),
            *("-displayfd", str(number_descriptor)),
        ]

    def worker_start(self) -> dict[str, Any]:
        """The worker's first line, now that the display runs."""
        return {
            **self.launch["worker"]["start"],
            **self._display(),
        }

    def worker_prepare(self) -> dict[str, Any]:
        """Its first line where there is no session yet."""
        return {**self.launch["worker"]["prepare"], **self._display()}

    def _display(self) -> dict[str, Any]:
        return {
            "display": self.facts["display"],
            "framebuffer": str(Path(self.facts["framebuffer"], "Xvfb_screen0")),
            "xauthority": str(self._folder / "worker" / traces.XAUTHORITY),
        }

    def _make_worker_folders(self) -> None:
        worker, session = self._account("worker"), self.launch["session"]
        self.note(session=session, mark=session, begun_in=str(self._folder), uids={"worker": worker.pw_uid})
        self._cookie = os.urandom(16)
        traces.make_account_folder(self._folder / "worker", worker, self._cookie)
        framebuffer = traces.framebuffer_folder(session)
        self.note(framebuffer=str(framebuffer))
        traces.make_framebuffer_folder(framebuffer, worker, self.launch["display"]["framebuffer_bytes"])
        traces.make_x11_folder()

    def _make_user_folder(self) -> None:
        user = self._account("user")
        self.note(uids={**self.facts["uids"], "user": user.pw_uid})
        traces.make_account_folder(self._folder / "user", user, self._cookie)
        for name, text in self.launch["files"].items():
            traces.write_for_reading(self._folder / Path(name).name, text.encode())

    def _make_groups(self) -> None:
        group = self.launch["group"]
        self.note(groups=group["folders"])
        for folder in group["folders"]:
            Path(folder).mkdir(exist_ok=True)
        for path, value in group["values"].items():
            Path(path).write_text(value)

    def _make_quarters(self) -> None:
        if megabytes := self.launch["group"].get("quarters"):
            user, kept = self._account("user"), [Path(self.launch["home"])]
            try:
                self._quarters = quarters.make(self._folder, user, megabytes, kept)
            except OSError as exc:
                self.quarters_missing = str(exc)

    def _check_application(self) -> None:
        application = self.launch["application"]
        command, path = application["command"][0], application["environment"].get("PATH")
        confinement = self.confinement("application")
        account = confinement.account.pw_name
        try:
            found = processes.can_run(command, path, confinement)
        except OSError as exc:
            raise Failure("account_failed", f"{account}: {exc}") from exc
        if not found:
            raise Failure("application_missing", f"{command}: not found, or {account} may not execute it")

    def _account(self, role: str) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self.launch["accounts"][role])
        except KeyError as exc:
            raise Failure("account_failed", f"there is no {role} account") from exc
