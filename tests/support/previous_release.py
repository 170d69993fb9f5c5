"""The release before this one, to be run beside it: packed once from git, unpacked where a test wants it.

    python -m tests.support.previous_release --make      # writes tests/vectors/releases/0.1.0.tar.xz again
    python_of(folder)                                    # an interpreter whose `broker`, `gateway`, `agents` are old

CI clones may be shallow, so the packages lie in the tree. The interpreter is a virtual environment of symbolic links:
the old packages come first on its path, then the libraries of this one; so it also holds for processes that the old
agent starts with `-I`, which a PYTHONPATH does not.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import lzma
import subprocess
import sys
import tarfile
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
VERSION = "0.1.0"
COMMIT = "ab7fb5b"
PACKAGES = ("portcullis", "broker", "gateway", "agents", "web_client")
ARCHIVE = ROOT / "tests/vectors/releases" / f"{VERSION}.tar.xz"
CONTENT_SHA256 = "86f2ac278d305802d75c1d0e86a39021a4befdc3e4e29cae1945c69026961714"
"""Of the archive before it was compressed: compressors differ."""


def packed() -> bytes:
    """An archive that depends on the commit alone. Raises CalledProcessError where git does not have it."""
    command = ["git", "archive", "--format=tar", COMMIT, *PACKAGES]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(made)) as source,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as target,
    ):
        for member in sorted(source.getmembers(), key=lambda member: member.name):
            if member.isfile():
                plain = tarfile.TarInfo(member.name)
                plain.size, plain.mode = member.size, 0o755 if member.mode & 0o100 else 0o644
                target.addfile(plain, source.extractfile(member))
    return packed.getvalue()


def content() -> bytes:
    """Of the archive in the tree. Raises OSError, LZMAError."""
    return lzma.decompress(ARCHIVE.read_bytes())


def python_of(folder: Path) -> Path:
    """Unpack the release into `folder`, which other accounts may read; its interpreter."""
    code = folder / VERSION
    with tarfile.open(fileobj=io.BytesIO(content())) as archive:
        archive.extraction_filter = getattr(
            tarfile, "data_filter", None
        )  # unknown to 3.11.2, wanted from 3.12 on
        archive.extractall(code)
    described = code / f"portcullis-{VERSION}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: portcullis\nVersion: {VERSION}\n")
    return _environment(folder / "environment", code)


def _environment(folder: Path, code: Path) -> Path:
    base = Path(sys._base_executable)  # type: ignore[attr-defined]
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    libraries = Path(aiohttp.__file__).parents[1]
    (packages / "previous.pth").write_text(f"{code}\n{libraries}\n")
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description="Pack the previous release from git.")
    parser.add_argument(
        "--make", action="store_true", help="Write the archive; else say whether it is right."
    )
    if parser.parse_args().make:
        made = packed()
        ARCHIVE.write_bytes(lzma.compress(made, preset=9 | lzma.PRESET_EXTREME))
        print(f"{ARCHIVE}: {ARCHIVE.stat().st_size} bytes, content {hashlib.sha256(made).hexdigest()}")
        return 0
    right = packed() == content()
    print("The archive is what git holds." if right else "The archive differs from git.")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
