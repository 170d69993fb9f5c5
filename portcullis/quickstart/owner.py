"""Who ran the quickstart: through sudo it is not root, and the files left for them are theirs."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Owner:
    name: str
    uid: int
    gid: int


def owner(environ: Mapping[str, str] | None = None) -> Owner:
    """The user behind sudo, else the one who runs this."""
    environ = os.environ if environ is None else environ  # noqa: TID251
    behind_sudo = environ.get("SUDO_UID", "")
    try:
        uid = int(behind_sudo) if os.geteuid() == 0 and behind_sudo.isdecimal() else os.geteuid()
        account = pwd.getpwuid(uid)
    except (KeyError, OverflowError):
        account = pwd.getpwuid(os.geteuid())
    return Owner(account.pw_name, account.pw_uid, account.pw_gid)


def make_folder(path: Path, owner: Owner) -> None:
    """Private to its owner."""
    path.mkdir(mode=0o700, exist_ok=True)
    os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def write_private(path: Path, data: dict[str, Any] | str, owner: Owner) -> None:
    """JSON, or text as it is. Mode 0600 from the first byte, whole by rename; a link that stands at its place is
    replaced, not followed."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(data if isinstance(data, str) else json.dumps(data, indent=2) + "\n")
        os.fchown(file.fileno(), owner.uid, owner.gid)
    partial.replace(path)
