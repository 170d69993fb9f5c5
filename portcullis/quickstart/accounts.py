"""The account that broker and gateway run as: it owns their state and nothing else, and nobody can sign in to it."""

from __future__ import annotations

import pwd
import subprocess

from portcullis.quickstart.errors import QuickstartError


def ensure_service_account(name: str) -> pwd.struct_passwd:
    """Raises QuickstartError."""
    if find(name) is None:
        _run(
            "useradd",
            *("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"),
            *("--shell", "/usr/sbin/nologin", "--comment", "Portcullis quickstart", name),
        )
    account = find(name)
    if account is None:
        raise QuickstartError(f"the account {name} was made and is not there")
    return account


def remove_service_account(name: str) -> None:
    """Raises QuickstartError."""
    if find(name) is not None:
        _run("userdel", name)


def find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise QuickstartError(f"{command[0]} failed: {done.stderr.strip()}")
