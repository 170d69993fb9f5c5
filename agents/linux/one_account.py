"""One account for every session: that of the agent, which is not root. Nothing walls sessions off from each other.

The second implementation of what `accounts.Accounts` does for a host of several people. Every process of every session
(leader, worker, display, application) has the account of the agent, so each may read, change and end what any other
has: docs/unprivileged.md says what follows. Users get a home each, so that their files do not mix by accident.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection
from pathlib import Path

from agents.linux.accounts import Account, home_name, user_account_name
from portcullis.errors import InvalidInput, Unavailable
from portcullis.model.host import Isolation

_NO_HOME = Path("/nonexistent")


class OneAccount:
    isolation: Isolation = "none"
    folder_mode = 0o700

    def __init__(self, homes: Path) -> None:
        """Raises InvalidInput for root, and for an account without a name."""
        self._entry = own_entry()
        self._homes = homes

    @property
    def homes(self) -> Path:
        return self._homes

    async def user(self, tenant_id: str, user_id: str, user_name: str) -> Account:
        """Raises Unavailable("account_failed")."""
        key = user_account_name("", tenant_id, user_id).removeprefix("u")
        try:
            return self._account(self._ensure_home(user_name, key))
        except OSError as exc:
            raise Unavailable("account_failed", f"the home of {user_name} cannot be made: {exc}") from exc

    def find(self, tenant_id: str, user_id: str) -> Account | None:
        home = self._home(user_account_name("", tenant_id, user_id).removeprefix("u"))
        return None if home is None else self._account(home)

    def why_none_can_be_made(self) -> str | None:
        folder = next(each for each in (self._homes, *self._homes.parents) if each.is_dir())
        return None if os.access(folder, os.W_OK) else f"{folder} cannot be written"

    async def worker(self, index: int, taken: Collection[str]) -> Account:
        return self._account(_NO_HOME)

    def _account(self, home: Path) -> Account:
        return Account(self._entry.pw_name, self._entry.pw_uid, self._entry.pw_gid, home)

    def _ensure_home(self, user_name: str, key: str) -> Path:
        """`<user name>-<key>`; the key alone finds it again, since people are renamed."""
        self._homes.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (found := self._home(key)) is not None:
            return found
        home = self._homes / f"{home_name(user_name, key).rpartition('-')[0]}-{key}"
        home.mkdir(mode=0o700)
        return home

    def _home(self, key: str) -> Path | None:
        return next(iter(sorted(self._homes.glob(f"*-{key}"))), None)


def own_entry() -> pwd.struct_passwd:
    """Raises InvalidInput."""
    uid = os.geteuid()
    if uid == 0:
        raise InvalidInput("isolation", "accounts, for root: no application ever runs as root")
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise InvalidInput("isolation", f"an account with a name; user id {uid} has none") from None
