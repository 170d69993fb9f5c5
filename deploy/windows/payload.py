"""The folder that is installed: a Windows Python, the locked wheels, and this clone's packages that an agent needs."""

from __future__ import annotations

import compileall
import hashlib
import py_compile
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from deploy.install_packages import write_metadata

CLONE = Path(__file__).resolve().parents[2]
PIN = Path(__file__).with_name("python.pin")
PACKAGES = ("agents", "portcullis")
MAXIMUM_UNPACKED_BYTES = 200 << 20

NOT_OF_AGENTS = (
    "agents/linux",
    *(
        f"portcullis/{part}"
        for part in ("cli", "demo.py", "doctor", "drill", "lab", "quickstart", "rest", "schemas")
    ),
    "portcullis/__main__.py",
)
"""What an agent on Windows never imports."""
_UNUSED = (
    # tests, documents and headers of the wheels, and pywin32's editor
    "bin",
    "pythonwin",
    "adodbapi",
    "isapi",
    "*.chm",
    "win32/Demos",
    "win32/include",
    "win32/libs",
    "win32/scripts",
    "win32/test",
    "win32com/[Hh][Tt][Mm][Ll]",
    "win32com/demos",
    "win32com/include",
    "win32com/libs",
    "win32com/makegw",
    "win32com/readme.html",
    "win32com/test",
    "win32comext/a*",
    "win32comext/[b-r]*",
    "numpy/**/tests",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/f2py",
)
_PATHS = "{standard}\r\n.\r\nLib\\site-packages\r\nimport site\r\n"
"""Instead of all else that Python would look at: no registry, no environment. `site` reads pywin32's own paths."""


class PayloadError(Exception):
    """What is said to whoever builds."""


def collect(
    folder: Path, python: Path, sha256: str, version: str, lock: Path, wheels: Path | None = None
) -> None:
    """Raises PayloadError."""
    check(python, sha256)
    minor = unpack(python, folder)
    packages = folder / "Lib/site-packages"
    install(packages, lock, minor, wheels)
    copy_packages(packages, version)
    if sys.version_info[:2] == (3, minor):  # whose bytecode is the same everywhere
        compile_all(folder)
    else:
        print(f"This is no Python 3.{minor}: no bytecode is in the package, and the agent starts slower.")


def check(python: Path, sha256: str) -> None:
    if not python.is_file():
        raise PayloadError(f"{python}: no such file. Download it from python.org")
    wanted = sha256.strip().lower() or pinned(python.name)
    if not wanted:
        raise PayloadError(f"{python.name} is not in {PIN.name}: say its hash, --python-sha256")
    with python.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted:
        raise PayloadError(f"{python.name} has the hash {found}, expected was {wanted}")


def pinned(name: str) -> str:
    lines = [line.split() for line in PIN.read_text().splitlines() if not line.startswith("#")]
    return next((sha256 for file, sha256 in lines if file == name), "")


def unpack(python: Path, folder: Path) -> int:
    """The `n` of its version 3.n."""
    with zipfile.ZipFile(python) as archive:
        names = [each.filename for each in archive.infolist() if not each.is_dir()]
        minors = [int(match[1]) for name in names if (match := re.fullmatch(r"python3(\d+)\.dll", name))]
        if len(minors) != 1 or "python.exe" not in names or f"python3{minors[0]}.zip" not in names:
            raise PayloadError(f"{python.name} is no Windows embeddable package of python.org")
        if sum(each.file_size for each in archive.infolist()) > MAXIMUM_UNPACKED_BYTES:
            raise PayloadError(f"{python.name} is too large")
        for name in names:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
                raise PayloadError(f"{python.name} holds {name}")
        archive.extractall(folder)
    (folder / f"python3{minors[0]}._pth").write_text(
        _PATHS.format(standard=f"python3{minors[0]}.zip"), newline=""
    )
    return minors[0]


def install(packages: Path, lock: Path, minor: int, wheels: Path | None) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *(
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--no-compile",
            "--no-warn-script-location",
        ),
        *("--platform=win_amd64", "--implementation=cp", f"--python-version=3.{minor}"),
        *(f"--abi=cp3{minor}", "--abi=abi3", "--abi=none", f"--target={packages}", f"--requirement={lock}"),
        *(("--no-index", f"--find-links={wheels}") if wheels else ()),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise PayloadError(f"the wheels of {lock.name} cannot be had:\n{done.stdout.strip()}")
    for pattern in _UNUSED:
        for path in sorted(packages.glob(pattern)):
            _remove(path)
    for name in ("direct_url.json", "REQUESTED", "RECORD"):  # of pip: they differ from build to build
        for path in packages.glob(f"*.dist-info/{name}"):
            path.unlink()


def copy_packages(packages: Path, version: str) -> None:
    for package in PACKAGES:
        shutil.copytree(CLONE / package, packages / package, ignore=shutil.ignore_patterns("__pycache__"))
    for other in NOT_OF_AGENTS:
        _remove(packages / other)
    name = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]["name"]
    write_metadata(packages, name, version, list(PACKAGES))


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def compile_all(folder: Path) -> None:
    """Without the times of the sources, which the installation changes: Python takes them as they are and writes none
    itself, so that nothing is left at a removal."""
    done = compileall.compile_dir(
        folder / "Lib",
        quiet=2,
        workers=0,
        stripdir=str(folder),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise PayloadError("a module cannot be compiled")


def files(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())


def digest(folder: Path) -> str:
    """Of all names and contents."""
    whole = hashlib.sha256()
    for name in files(folder):
        content = hashlib.sha256((folder / name).read_bytes()).digest()
        whole.update(name.encode() + b"\0" + content)
    return whole.hexdigest()
