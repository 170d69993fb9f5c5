"""An account of an ordinary user, for a test: no root, no sudo, nothing of the environment of who runs the tests."""

from __future__ import annotations

import contextlib
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.patience import patient


@dataclass(frozen=True)
class OrdinaryUser:
    name: str
    home: Path

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.name).pw_uid

    def command(self, *words: str, environment: Mapping[str, str] | None = None) -> list[str]:
        """`words` as this user, in a shell's plainest environment."""
        plain = {"HOME": str(self.home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        variables = [f"{name}={value}" for name, value in {**plain, **(environment or {})}.items()]
        switch = ["setpriv", "--reuid", self.name, "--regid", self.name, "--init-groups"]
        return [*switch, "--inh-caps", "-all", "env", "-i", *variables, *words]

    def run(self, *words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words, environment=environment),
            cwd=cwd,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def popen(self, *words: str, cwd: Path, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command(*words), cwd=cwd, text=True, stdin=subprocess.DEVNULL, **options)

    def processes(self) -> dict[str, psutil.Process]:
        """Living ones, by name: the newest of each."""
        return {_name(process): process for process in self.all_processes()}

    def all_processes(self) -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter(["name", "uids", "status", "cmdline"])
            if process.info["uids"].real == self.uid and process.info["status"] != psutil.STATUS_ZOMBIE
        ]

    def leftovers(self, *folders: str) -> list[Path]:
        """What of this user lies directly in a folder."""
        return [path for folder in folders for path in Path(folder).iterdir() if _owner(path) == self.uid]


def _name(process: psutil.Process) -> str:
    words = " ".join(process.info["cmdline"] or ())
    part = next(
        (part for part in ("broker", "gateway", "agent") if f"portcullis-{part} serve" in words), None
    )
    return part or str(process.info["name"])


def _owner(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_uid
    return -1


@contextlib.contextmanager
def made() -> Iterator[OrdinaryUser]:
    """Its home is no folder of pytest's: those are closed to others whenever another run of pytest begins."""
    base = Path(tempfile.mkdtemp(prefix="portcullis-test-", dir="/var/tmp"))
    base.chmod(0o755)
    user = OrdinaryUser(f"pt{secrets.token_hex(4)}", base / "home")
    uid = 40000 + secrets.randbelow(
        20000
    )  # not the next one: files of an account that is gone may still bear that
    command = ["useradd", "--create-home", "--user-group", "--uid", str(uid), "--home-dir", str(user.home)]
    subprocess.run([*command, user.name], check=True, capture_output=True)
    try:
        yield user
    finally:
        left = user.all_processes()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=patient(10))
        subprocess.run(["userdel", user.name], check=True, capture_output=True)
        shutil.rmtree(base)
