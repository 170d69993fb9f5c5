"""As whom a template is made: an account that root lends for as long as it takes, or the account of whoever asks.

What an installer leaves is ended by the number of its account. So each making has an account of its own, and keeps it
until nothing runs in it: a number that was given back is the next account's, a session's worker's as like as not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import time
from collections.abc import Iterator
from pathlib import Path

from agents.linux import accounts
from agents.linux.leader import processes
from portcullis.errors import Unavailable

NAME = "portcullis-wine"
COMMENT = "Portcullis makes Wine templates"
MOST = 8
"""Makings at once, on a host."""
LOCKS = Path("/run")
LOOK_SECONDS = 0.05


@contextlib.contextmanager
def maker() -> Iterator[pwd.struct_passwd]:
    """Whose programs may run. Raises Unavailable."""
    if os.geteuid() != 0:
        yield pwd.getpwuid(os.geteuid())
        return
    with _free_name() as name:
        account = _lent(name)
        _end_all(account.pw_uid)  # of a making that was killed
        try:
            yield account
        finally:
            _end_all(account.pw_uid)
            _run("userdel", "--force", name)


@contextlib.contextmanager
def _free_name() -> Iterator[str]:
    """One that no other making has. Raises Unavailable."""
    for name in (NAME, *(f"{NAME}{number}" for number in range(2, MOST + 1))):
        lock = os.open(LOCKS / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        try:
            yield name
        finally:
            os.close(lock)
        return
    raise Unavailable("wine_failed", f"{MOST} templates are being made on this host already.")


def _lent(name: str) -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        if (found := pwd.getpwnam(name)).pw_gecos != COMMENT:
            raise Unavailable("account_failed", f"the account {name} belongs to somebody else")
        return found
    options = ("--system", "--no-create-home", "--user-group", "--comment", COMMENT)
    _run("useradd", *options, "--home-dir", "/nonexistent", "--shell", accounts.NOLOGIN, name)
    return pwd.getpwnam(name)


def _run(*command: str) -> None:
    """Raises Unavailable."""
    with accounts.locked():
        accounts.run(*command)


def _end_all(uid: int) -> None:
    """Nothing of an installer outlives its account."""
    while processes.of_account(uid):
        processes.kill(lambda: processes.of_account(uid))
        time.sleep(LOOK_SECONDS)
