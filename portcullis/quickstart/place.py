"""Where an instance stands, and as whom its parts run. Two places, chosen by who runs this: root or an ordinary user.

SystemPlace   /var/lib, /run and /opt; a service account for broker and gateway, accounts of their own for sessions
OwnPlace      all below `var/` of the folder, all under the account that runs it: nothing installed, and no walls
              between sessions (docs/unprivileged.md)
"""

from __future__ import annotations

import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portcullis.model.host import Isolation
from portcullis.quickstart import accounts
from portcullis.quickstart.errors import QuickstartError

STATES = Path("/var/lib")
RUNTIMES = Path("/run")
RELEASES = Path("/opt/portcullis")
OWN_RUNTIMES = Path("/tmp")  # noqa: S108  # checked to be ours; XDG_RUNTIME_DIR goes when its user signs out

X11_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108


class Place(Protocol):
    @property
    def isolation(self) -> Isolation: ...

    @property
    def state(self) -> Path: ...

    @property
    def runtime(self) -> Path:
        """Short: names of Unix sockets end at 107 bytes, and a clone may lie deep."""
        ...

    @property
    def control_socket(self) -> Path: ...

    @property
    def releases(self) -> Path: ...

    @property
    def account_prefix(self) -> str | None:
        """Of the accounts that the agent makes; None when it makes none."""
        ...

    @property
    def as_service(self) -> tuple[str, ...]:
        """Options of setpriv for broker and gateway, and for what is run in their name."""
        ...

    @property
    def as_listener(self) -> tuple[str, ...]:
        """The same for one that listens on a port below 1024."""
        ...

    @property
    def of_agent(self) -> tuple[str, ...]:
        """Options of the agent."""
        ...

    @property
    def what_reset_removes(self) -> str: ...

    def make_state(self) -> None:
        """Raises QuickstartError."""
        ...

    def make(self) -> pwd.struct_passwd:
        """The rest of it. Returns the account of broker and gateway. Raises QuickstartError."""
        ...

    def is_there(self) -> bool:
        """Whether anything of it was made, however damaged."""
        ...

    def clear(self) -> None:
        """What has to be done before state and runtime can be removed. Raises QuickstartError."""
        ...


def place(folder: Path, isolation: Isolation) -> Place:
    return SystemPlace(folder) if isolation == "accounts" else OwnPlace(folder)


def isolation_here() -> Isolation:
    """Root keeps sessions apart by accounts; nobody else can. Root therefore never gets the weaker one."""
    return "accounts" if os.geteuid() == 0 else "none"


def instance_key(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class SystemPlace:
    folder: Path

    @property
    def isolation(self) -> Isolation:
        return "accounts"

    @property
    def key(self) -> str:
        return instance_key(self.folder)

    @property
    def state(self) -> Path:
        return STATES / f"portcullis-{self.key}"

    @property
    def runtime(self) -> Path:
        return RUNTIMES / f"portcullis-{self.key}"

    @property
    def control_socket(self) -> Path:
        return self.state / "supervisor.sock"

    @property
    def releases(self) -> Path:
        return RELEASES

    @property
    def service_account(self) -> str:
        return f"portcullis-{self.key}"

    @property
    def account_prefix(self) -> str:
        """Of the accounts that the agent makes; not a prefix of the service account's name."""
        return f"pc{self.key}"

    @property
    def as_service(self) -> tuple[str, ...]:
        """Without root, any capability or the way back to them."""
        return self._as_service("-all")

    @property
    def as_listener(self) -> tuple[str, ...]:
        only = "-all,+net_bind_service"
        return (*self._as_service(only), "--ambient-caps", only)

    def _as_service(self, capabilities: str) -> tuple[str, ...]:
        account = self.service_account
        return (
            *("--reuid", account, "--regid", account, "--clear-groups"),
            *("--no-new-privs", "--bounding-set", capabilities, "--inh-caps", capabilities),
        )

    @property
    def of_agent(self) -> tuple[str, ...]:
        return ("--account-prefix", self.account_prefix)

    @property
    def what_reset_removes(self) -> str:
        return f"{self.state}, the accounts {self.account_prefix}*\nwith their homes, and the secrets in var/"

    def make_state(self) -> None:
        self.state.mkdir(mode=0o755, exist_ok=True)

    def make(self) -> pwd.struct_passwd:
        account = accounts.ensure_service_account(self.service_account)
        for path, mode in ((self.state, 0o755), (self.state / "homes", 0o711), (self.runtime, 0o755)):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
        return account

    def is_there(self) -> bool:
        return self.state.exists() or accounts.find(self.service_account) is not None

    def clear(self) -> None:
        accounts.remove_service_account(self.service_account)


@dataclass(frozen=True, slots=True)
class OwnPlace:
    folder: Path

    @property
    def isolation(self) -> Isolation:
        return "none"

    @property
    def state(self) -> Path:
        return self.folder / "var/state"

    @property
    def runtime(self) -> Path:
        return OWN_RUNTIMES / f"portcullis-{os.geteuid()}-{instance_key(self.folder)}"

    @property
    def control_socket(self) -> Path:
        return self.runtime / "supervisor.sock"

    @property
    def releases(self) -> Path:
        return self.folder / "var/releases"

    @property
    def account_prefix(self) -> None:
        return None

    @property
    def as_service(self) -> tuple[str, ...]:
        return ("--no-new-privs",)

    @property
    def as_listener(self) -> tuple[str, ...]:
        return self.as_service

    @property
    def of_agent(self) -> tuple[str, ...]:
        return ("--isolation", self.isolation)

    @property
    def what_reset_removes(self) -> str:
        return f"{self.state} with the homes of its users,\n{self.releases}, and the secrets in var/"

    def make_state(self) -> None:
        if (system := SystemPlace(self.folder).state).exists():
            raise QuickstartError(
                f"{self.folder} has an installation with accounts ({system}): root's --reset removes it"
            )
        for path in (self.folder / "var", self.state):
            path.mkdir(mode=0o700, exist_ok=True)

    def make(self) -> pwd.struct_passwd:
        self.make_state()
        check_x11_folder()
        for path in (self.state / "homes", self.runtime):
            path.mkdir(mode=0o700, exist_ok=True)
        check_is_own(self.runtime)
        try:
            return pwd.getpwuid(os.geteuid())
        except KeyError:
            raise QuickstartError(f"user id {os.geteuid()} has no name on this machine") from None

    def is_there(self) -> bool:
        return self.state.exists() or self.releases.exists()

    def clear(self) -> None:
        """Programs make folders read-only (caches of packages, say): nothing could be removed from those."""
        for folder, names, _ in os.walk(self.state / "homes"):
            for path in (Path(folder, name) for name in names):
                if not path.is_symlink():
                    path.chmod(0o700)


def check_x11_folder(path: Path = X11_SOCKETS) -> None:
    """Without root, an X server makes its socket where it may; where there is no folder, it makes that too. Raises
    QuickstartError."""
    if path.exists() and not os.access(path, os.W_OK | os.X_OK):
        raise QuickstartError(
            f"displays cannot listen in {path}: ask an administrator to run chmod 1777 {path}"
        )


def check_is_own(path: Path) -> None:
    """A folder of ours that nobody else can enter: in /tmp anybody may have made one of that name. Raises
    QuickstartError."""
    found = path.lstat()
    if not path.is_dir() or path.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise QuickstartError(
            f"{path} is not a private folder of this account: somebody else made it, have it removed"
        )
