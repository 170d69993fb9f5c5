"""What a session needs before its processes start, from the agent's `launch`: folders, groups, accounts, commands.

What it `facts` notes stands in FOLDER/session.json, for a sweep that has nothing of this process's memory.
"""

from __future__ import annotations

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

    def make(self) -> None:
        """Raises Failure, OSError; KeyError when `launch` lacks something."""
        self._make_folders()
        self._make_groups()
        self._make_quarters()
        self._check_application()

    def has_run_out_of_memory(self) -> bool:
        return out_of_memory.kills(self.launch["group"]["user"]) > 0

    def is_home_full(self) -> bool:
        return not processes.can_write(self.launch["home"], self.confinement("application"))

    def note(self, **facts: object) -> None:
        self.facts.update(facts)
        traces.write_atomically(self._folder / "session.json", self.facts)

    def confinement(self, name: str) -> processes.Confinement:
        """Of a process, by its name."""
        role = ROLES[name]
        account = self._account(role)
        groups = self.launch["group"][role]
        if role == "worker":
            return processes.Confinement(account, groups, self.launch[name]["limits"])
        limits, home = self.launch["limits"], self.launch["home"]
        return processes.Confinement(account, groups, limits, home, self._quarters)

    def environment(self, name: str) -> dict[str, str]:
        """Of a process; with DISPLAY for the user's ones."""
        own = {**self.launch[name]["environment"], processes.MARKER: self.launch["session"]}
        return {**own, "DISPLAY": self.facts["display"]} if ROLES[name] == "user" else own

    def display_command(self, number_descriptor: int) -> list[str]:
        return [
            *self.launch["display"]["command"],
            *("-fbdir", self.facts["framebuffer"]),
            *("-auth", self._xauthority),
            *("-displayfd", str(number_descriptor)),
        ]

    def worker_start(self) -> dict[str, Any]:
        """The worker's first line, now that the display runs."""
        return {
            **self.launch["worker"]["start"],
            "display": self.facts["display"],
            "framebuffer": str(Path(self.facts["framebuffer"], "Xvfb_screen0")),
            "xauthority": self._xauthority,
        }

    @property
    def _xauthority(self) -> str:
        return str(self._folder / "worker" / "xauthority")

    def _make_folders(self) -> None:
        worker, user = self._account("worker"), self._account("user")
        session = self.launch["session"]
        self.note(session=session, uids={"worker": worker.pw_uid, "user": user.pw_uid})
        traces.make_account_folders(self._folder, worker, user)
        for name, text in self.launch["files"].items():
            traces.write_for_reading(self._folder / Path(name).name, text.encode())
        framebuffer_bytes = self.launch["display"]["framebuffer_bytes"]
        self.note(framebuffer=str(traces.make_framebuffer_folder(session, worker, framebuffer_bytes)))
        traces.make_x11_folder()

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
