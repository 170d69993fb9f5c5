"""What an attachment to somebody's own display needs: nothing but their account, as which its two processes run.

In place of a display of its own it has one that was there before and stays when it ends: nothing of that is noted, so
that no sweep removes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.linux.leader import processes
from agents.linux.leader.premises import Premises

AGREED = b"portcullis-agreed "
"""What the helper says once it may be connected to (agents/linux/desktops/__main__.py), before the authority file."""
ANSWER_SECONDS = 15.0
"""The helper's own deadline comes first; this is for one that hangs."""


class AttachedPremises(Premises):
    def __init__(self, folder: Path, launch: dict[str, Any]) -> None:
        super().__init__(folder)
        self.launch = launch
        self.authority = ""

    def make_display(self) -> None:
        session = self.launch["session"]
        self.note(session=session, mark=session, begun_in=str(self._folder))
        self._account("user")
        self._make_groups()

    def is_home_full(self) -> bool:
        return False

    def confinement(self, name: str) -> processes.Confinement:
        account = self._account("user")
        if name == "worker":
            return processes.Confinement(account, self.launch["group"]["worker"], self.launch[name]["limits"])
        return processes.Confinement(account, self.launch["group"]["user"], self.launch["limits"])

    def environment(self, name: str) -> dict[str, str]:
        return {**self.launch[name]["environment"], processes.MARKER: self.launch["session"]}

    def worker_start(self) -> dict[str, Any]:
        return {
            **self.launch["worker"]["start"],
            "display": self.launch["attached"]["display"],
            "xauthority": self.authority,
            "attached": True,
            "view_only": self.launch["attached"]["view_only"],
        }
