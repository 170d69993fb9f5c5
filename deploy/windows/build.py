"""portcullis-agent.msi, made on Linux: what goes into it (payload.py), what is said of it (wix.py), and wixl.

The same inputs give the same bytes. wixl writes the time and a number of its own into the summary of the package: both
are replaced, the time by that of the commit (SOURCE_DATE_EPOCH), the number by one that follows from what is in it.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from pathlib import Path

from deploy.windows import payload, wix

CLONE = Path(__file__).resolve().parents[2]
WINDOWS_EPOCH_SECONDS = 11_644_473_600
"""From 1601, where times of Windows begin, to 1970."""

# What wixl 0.101 cannot say.
_AFTERWARDS = (
    # 8192: the command line of this action, which may hold the token, is kept out of logs
    "UPDATE `CustomAction` SET `Type` = 11282 WHERE `Action` = 'PrepareAgent'",
    # what an installation hands on to the part of it that has rights
    "UPDATE `Property` SET `Value` = 'WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;"
    "BROKERURL;HOSTNAME;JOINTOKEN;JOINTOKENFILE;KEEPIDENTITY' WHERE `Property` = 'SecureCustomProperties'",
    "DELETE FROM `Upgrade` WHERE `ActionProperty` = 'WIX_UPGRADE_DETECTED'",
)


class BuildError(Exception):
    """What is said to whoever builds."""


def main() -> None:
    given = _parser().parse_args()
    try:
        build(
            given.python,
            given.python_sha256,
            given.output,
            given.version or _version(),
            lock=given.lock,
            wheels=given.wheels,
        )
    except (BuildError, payload.PayloadError) as exc:
        sys.exit(f"build.sh: {exc}")
    shutil.copyfile(CLONE / "deploy/windows/install.ps1", given.output.parent / "install.ps1")
    with given.output.open("rb") as file:
        print(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {given.output}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy/windows/build.sh", description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="python.org's embeddable package")
    parser.add_argument("--python-sha256", default="", help="its hash, if not the pinned one")
    parser.add_argument("--output", type=Path, default=CLONE / "dist/portcullis-agent.msi")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels instead of the package index")
    parser.add_argument("--lock", type=Path, default=CLONE / "deploy/requirements-windows.lock")
    parser.add_argument("--version", default="", help="if not that of pyproject.toml")
    return parser


def build(
    python: Path, sha256: str, output: Path, version: str, *, lock: Path, wheels: Path | None = None
) -> None:
    """Raises BuildError, PayloadError."""
    if not wix.is_version(version):
        raise BuildError(f"{version}: Windows Installer takes versions of three numbers, such as 1.2.3")
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room) / "payload"
        payload.collect(folder, python, sha256, version, lock, wheels)
        package(folder, version, output)


def package(folder: Path, version: str, output: Path) -> None:
    """Of a folder with everything that is installed. Raises BuildError."""
    seconds = _commit_seconds()
    for path in sorted(folder.rglob("*")):
        os.utime(path, (seconds, seconds))
        path.chmod(0o755 if path.is_dir() else 0o644)
    digest = payload.digest(folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as room:
        source, made = Path(room) / "agent.wxs", Path(room) / "agent.msi"
        source.write_text(wix.source(payload.files(folder), version, digest))
        began = int(time.time())
        _run("wixl", "--arch", "x64", "--output", str(made), str(source), cwd=folder)
        ended = int(time.time())
        for statement in (*_AFTERWARDS, wix.replaces(version)):
            _run("msibuild", str(made), "-q", statement)
        made.write_bytes(_settled(made, range(began, ended + 1), seconds, digest))
        made.replace(output)


def _settled(msi: Path, written: range, seconds: int, digest: str) -> bytes:
    content = msi.read_bytes()
    told = _run("msiinfo", "suminfo", str(msi))
    number = re.search(r"\{[0-9A-F-]{36}\}", told)
    own = f"{{{str(uuid.uuid5(wix.NAMESPACE, 'package ' + digest)).upper()}}}"
    if number is None or content.count(number[0].encode()) != 1:
        raise BuildError("wixl writes its summary otherwise than version 0.101 does")
    content = content.replace(number[0].encode(), own.encode())
    times = [_file_time(second) for second in written]
    if sum(content.count(each) for each in times) != 2:
        raise BuildError("wixl writes its times otherwise than version 0.101 does")
    for each in times:
        content = content.replace(each, _file_time(seconds))
    return content


def _file_time(seconds: int) -> bytes:
    """As a property of the summary: its kind (VT_FILETIME) and 100 ns since 1601."""
    return struct.pack("<IQ", 0x40, (seconds + WINDOWS_EPOCH_SECONDS) * 10_000_000)


def _run(*command: str, cwd: Path | None = None) -> str:
    """Times of files are written as local ones: of UTC."""
    done = subprocess.run(
        command, cwd=cwd, text=True, capture_output=True, env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    )
    if done.returncode != 0:
        raise BuildError(f"{command[0]}: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout


def _version() -> str:
    return str(tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]["version"])


def _commit_seconds() -> int:
    """Of 1980 or later, where times of cabinets begin."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        told = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=CLONE, capture_output=True, text=True)
        given = told.stdout.strip() or "0"
    earliest = datetime.datetime(1980, 1, 2, tzinfo=datetime.UTC).timestamp()
    return max(int(given), int(earliest)) // 2 * 2  # they count in steps of two seconds


if __name__ == "__main__":
    main()
