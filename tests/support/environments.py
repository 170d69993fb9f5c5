"""What a clone needs before it starts, of what the tests run with: nothing is learned by fetching it a second time."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sysconfig
from pathlib import Path

from web_client import fetch

PYTHON = "/usr/bin/python3"
VENDOR = Path("web_client/vendor")


def prepare(clone: Path) -> None:
    """Its .venv, which deploy/prepare.sh then finds complete, and the decoder of its pages."""
    environment = clone / ".venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(environment)], check=True)
    (own,) = environment.glob("lib/python3*/site-packages")
    (own / "packages-of-the-tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (environment / ".lock-stamp").write_text(f"{_stamp(clone)}\n")
    fetch.fetch()
    shutil.copytree(fetch.ROOT / "vendor", clone / VENDOR, dirs_exist_ok=True)


def _stamp(clone: Path) -> str:
    """As make_environment takes it."""
    locks = ["requirements-build.lock", "requirements.lock"]
    if shutil.which("npm") is None:
        locks.append("requirements-fetch.lock")
    content = b"".join((clone / "deploy" / lock).read_bytes() for lock in locks)
    version = subprocess.run([PYTHON, "--version"], check=True, capture_output=True).stdout
    return hashlib.sha256(content + version).hexdigest()
