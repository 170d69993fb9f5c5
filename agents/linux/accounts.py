"""Local accounts: one persistent one a tenant and user, made at the first launch; one a slot for its worker.

Names derive from the instance's prefix and the user's id, so every launch finds the same account without a table, and
in it the home, which is called after the user. The GECOS field holds the ids in full: an account of that name that
isn't ours is refused, never used.
Neither can be logged in to: no password, and nologin as the shell (SHELL in a session is set by environment.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portcullis.errors import InvalidInput, Unavailable
from portcullis.model.host import Isolation

COMMAND_SECONDS = 30
NOLOGIN = "/usr/sbin/nologin"
_DIGEST_CHARACTERS = 10
_SPARE = 1000
_NOT_IN_HOME = re.compile(r"[^a-z0-9_]+")
_PREFIX = re.compile(r"[a-z][a-z0-9]{0,15}-?")
_LOCK = Path("/etc/.pwd.lock")


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int
    home: Path


class SessionAccounts(Protocol):
    """As whom sessions run: `Accounts` here, or `one_account.OneAccount`."""

    @property
    def isolation(self) -> Isolation: ...

    @property
    def folder_mode(self) -> int:
        """Of the folders that lead to what the accounts of a session own."""
        ...

    @property
    def homes(self) -> Path:
        """The folder of the users' homes."""
        ...

    async def user(self, tenant_id: str, user_id: str, user_name: str) -> Account:
        """Whose programs run in the session. Raises Unavailable("account_failed")."""
        ...

    def find(self, tenant_id: str, user_id: str) -> Account | None:
        """What `user` would answer, as it is now; None when it is still to be made. Makes nothing. Raises
        Unavailable("account_failed")."""
        ...

    def why_none_can_be_made(self) -> str | None:
        """What keeps `user` from making an account, as far as one can see without doing it."""
        ...

    async def worker(self, index: int, taken: Collection[str]) -> Account:
        """Whose display and worker those are: of slot `index`, and none of `taken`. Raises Unavailable."""
        ...


class Accounts:
    """The accounts of one instance. Safe beside other instances and agents: changes are made under one lock."""

    isolation: Isolation = "accounts"
    folder_mode = 0o711

    def __init__(self, prefix: str, homes: Path) -> None:
        check_prefix(prefix)
        self._prefix = prefix
        self._homes = homes

    @property
    def homes(self) -> Path:
        return self._homes

    async def user(self, tenant_id: str, user_id: str, user_name: str) -> Account:
        """Raises Unavailable("account_failed")."""
        name = user_account_name(self._prefix, tenant_id, user_id)
        comment = gecos(user_name, tenant_id, user_id)
        home = self._homes / home_name(user_name, name)
        return await asyncio.to_thread(self._ensure_user, name, home, comment, f"{tenant_id}/{user_id}")

    def find(self, tenant_id: str, user_id: str) -> Account | None:
        name = user_account_name(self._prefix, tenant_id, user_id)
        if (found := _find(name)) is None:
            return None
        _check_owner(found, f"{tenant_id}/{user_id}")
        return _account(name)

    def why_none_can_be_made(self) -> str | None:
        if shutil.which("useradd") is None:
            return "useradd is not installed"
        return None if os.access("/etc", os.W_OK) else "/etc cannot be written"

    async def worker(self, index: int, taken: Collection[str] = ()) -> Account:
        """The slot's, or a spare one while a session without a record still has it."""
        while (name := f"{self._prefix}w{index}") in taken:
            index += _SPARE
        return await asyncio.to_thread(self._ensure_worker, name)

    def _ensure_user(self, name: str, home: Path, comment: str, ids: str) -> Account:
        with locked():
            if (found := _find(name)) is None:
                if not self._homes.is_dir():
                    self._homes.mkdir(parents=True)
                    self._homes.chmod(0o711)
                home = (
                    home.with_name(name) if home.exists() else home
                )  # somebody else's: useradd would take it
                options = ("--create-home", "--user-group", "--comment", comment)
                run("useradd", *options, "--home-dir", str(home), "--shell", NOLOGIN, name)
                home.chmod(0o700)
            else:
                _check_owner(found, ids)
                self._refresh(found, comment)
            return _account(name)

    def _refresh(self, found: pwd.struct_passwd, comment: str) -> None:
        if found.pw_gecos != comment:
            run("usermod", "--comment", comment, found.pw_name)
        home = Path(found.pw_dir)
        if not home.is_dir():
            shutil.copytree("/etc/skel", home, symlinks=True)
            for path in (home, *home.rglob("*")):
                os.chown(path, found.pw_uid, found.pw_gid, follow_symlinks=False)
            home.chmod(0o700)

    def _ensure_worker(self, name: str) -> Account:
        with locked():
            if (found := _find(name)) is None:
                options = ("--system", "--no-create-home", "--user-group", "--comment", _WORKER_COMMENT)
                run("useradd", *options, "--home-dir", "/nonexistent", "--shell", NOLOGIN, name)
            elif found.pw_gecos != _WORKER_COMMENT:
                raise Unavailable("account_failed", f"the account {name} belongs to somebody else")
            return _account(name)


_WORKER_COMMENT = "Portcullis worker"


def remove_accounts(prefix: str, tenant_id: str | None = None) -> list[str]:
    """Remove every account of the prefix, and the homes: for a reset, or those of one tenant that is no more. Returns
    their names.
    """
    check_prefix(prefix)
    with locked():
        accounts = [(entry.pw_name, entry.pw_gecos) for entry in pwd.getpwall()]
        names = own_accounts(prefix, accounts, tenant_id)
        for name in names:
            entry = pwd.getpwnam(name)
            run("userdel", "--force", name)
            home = Path(entry.pw_dir)
            if is_home_of(name, home.name) and home.is_dir() and home.lstat().st_uid == entry.pw_uid:
                shutil.rmtree(home, ignore_errors=True)
    return names


def check_prefix(prefix: str) -> None:
    """Raises InvalidInput. At most 17 characters, so that a user's account name stays below 32."""
    if _PREFIX.fullmatch(prefix) is None:
        raise InvalidInput(
            "account prefix", "1 to 16 lowercase letters and digits, perhaps a hyphen at the end"
        )


def user_account_name(prefix: str, tenant_id: str, user_id: str) -> str:
    return f"{prefix}u{hashlib.sha256(f'{tenant_id}/{user_id}'.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"


def home_name(user_name: str, account_name: str) -> str:
    """`<user name>-<4 hex of the account>`: what a person reads in a shell or a file dialog."""
    plain = unicodedata.normalize("NFKD", user_name).encode("ascii", "ignore").decode().lower()
    return f"{_NOT_IN_HOME.sub('', plain)[:24] or 'user'}-{_mark(account_name)}"


def is_home_of(account_name: str, name: str) -> bool:
    return name == account_name or name.endswith(f"-{_mark(account_name)}")


def _mark(account_name: str) -> str:
    return account_name[-_DIGEST_CHARACTERS:][:4]


def gecos(user_name: str, tenant_id: str, user_id: str) -> str:
    """`Portcullis <name> (<tenant>/<user>)`, in what /etc/passwd and useradd take: no colon, comma or control."""
    plain = unicodedata.normalize("NFC", user_name)
    clean = "".join(c if c.isprintable() and c not in ":,=" else "_" for c in plain)
    return f"Portcullis {clean[:60]} ({tenant_id}/{user_id})"


def own_accounts(prefix: str, accounts: list[tuple[str, str]], tenant_id: str | None = None) -> list[str]:
    """Those of the instance, or of one tenant's users, from (name, GECOS) of all accounts: by name and comment both."""
    pattern = re.compile(re.escape(prefix) + r"(w[0-9]+|u[0-9a-f]{10})")
    of_tenant = re.compile(rf".*\({re.escape(tenant_id or '')}/[0-9a-f]{{16}}\)", re.DOTALL)
    return sorted(
        name
        for name, comment in accounts
        if pattern.fullmatch(name)
        and comment.startswith("Portcullis ")
        and (tenant_id is None or of_tenant.fullmatch(comment))
    )


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _check_owner(found: pwd.struct_passwd, ids: str) -> None:
    if not found.pw_gecos.endswith(f"({ids})"):
        raise Unavailable("account_failed", f"the account {found.pw_name} belongs to somebody else")


def _account(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def run(*command: str) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as exc:
        said = (getattr(exc, "stderr", None) or b"").decode(errors="replace").strip()
        raise Unavailable("account_failed", f"{command[0]}: {said or exc}") from exc


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """useradd's own lock fails at once when another one runs; this one waits.

    It is on the same file, which is there anyway and root's alone, by another call: the two do not meet.
    """
    fd = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
