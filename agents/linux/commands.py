"""Commands of `portcullis-agent` that Linux alone has: desktops, end-sessions, remove-accounts, wine-template."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from agents.linux.accounts import remove_accounts
from agents.linux.desktops.finding import local_displays
from agents.linux.launcher import end_all
from agents.linux.wine import commands as wine

if TYPE_CHECKING:
    from agents.backend import Commands


def add(commands: Commands) -> None:
    ending = commands.add_parser("end-sessions", help="End every session of this host, without an agent.")
    ending.add_argument("--runtime", type=Path, required=True, help="Folder of the running sessions.")
    ending.add_argument("--grace-seconds", type=float, default=3.0, help="For applications to end.")
    ending.set_defaults(run=_end_sessions)
    removing = commands.add_parser(
        "remove-accounts", help="Remove the local accounts of sessions, with homes."
    )
    removing.add_argument("--account-prefix", required=True, help="How their names begin.")
    removing.add_argument(
        "--tenant", metavar="ID", help="Those of this tenant's users alone: it was deleted."
    )
    removing.set_defaults(run=_remove_accounts)
    showing = commands.add_parser(
        "desktops", help="Displays of this machine that sessions may be attached to, and whose they are."
    )
    showing.set_defaults(run=_desktops)
    wine.add(commands)


def _end_sessions(given: argparse.Namespace) -> int:
    if given.runtime.exists() and given.runtime.stat().st_uid != os.geteuid():
        # What stands there is believed: which processes to kill, which folders to remove.
        raise PermissionError(
            f"{given.runtime} belongs to another account: only that one may end its sessions"
        )
    ended = asyncio.run(end_all(given.runtime, given.grace_seconds))
    print(f"{ended} sessions ended.")
    return 0


def _desktops(given: argparse.Namespace) -> int:
    for display in local_displays():
        found = display.found
        who = found.trouble or found.account or "nobody is signed in"
        print(f"{found.name:8}{'console' if found.is_console else '-':10}{who}")
    return 0


def _remove_accounts(given: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise PermissionError("only root can remove accounts")
    for name in remove_accounts(given.account_prefix, given.tenant):
        print(f"removed {name}")
    return 0
