"""What portcullis-agent.msi is built of in tests: the fixture's Windows Python, in the layout of python.org's package
"embeddable", and of the locked wheels those that joining and the service need. The others are large, or many files."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

from tests.support import windows_python

LOCK = windows_python.CLONE / "deploy/requirements-windows.lock"
LEFT_OUT = {"av", "numpy", "simplejpeg", "tzdata"}
_NOT_STANDARD = (
    "site-packages/",
    "ensurepip/",
    "tkinter/",
    "turtledemo/",
    "unittest/",
    "pydoc_data/",
    "venv/",
)


def embeddable(path: Path) -> str:
    """Its hash. python.exe, libraries and extensions at the top, the standard library's bytecode in a zip file."""
    python = windows_python.PYTHON
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in (python / "python.exe", *python.glob("python3*.dll"), *python.glob("vcruntime140*.dll")):
            archive.write(file, file.name)
        for file in (python / "DLLs").iterdir():
            if file.suffix in (".pyd", ".dll") and not file.name.startswith(("_tkinter", "tcl", "tk")):
                archive.write(file, file.name)
        archive.writestr("python311._pth", "python311.zip\n.\n")
        with archive.open("python311.zip", "w") as inner:
            _standard_library(python / "Lib", inner)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _standard_library(folder: Path, to) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("__pycache__/*.cpython-311.pyc")):
            name = f"{file.parent.parent.relative_to(folder).as_posix()}/{file.name.split('.')[0]}.pyc"
            if not name.startswith(_NOT_STANDARD):
                archive.write(file, name.removeprefix("./"))


def short_lock(path: Path) -> Path:
    blocks = re.split(r"\n(?=[a-z])", LOCK.read_text())
    path.write_text("\n".join(each for each in blocks if each.split("==")[0] not in LEFT_OUT))
    return path
