"""Wheel and sdist: equal byte by byte wherever and whenever they are built, complete, and without rubbish."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[3]
PACKAGES = {"agents", "broker", "gateway", "portcullis", "web_client"}


def run(*command: str | Path, cwd: Path, umask: int = 0o022, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        umask=umask,
        env={**os.environ, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def a_clone(to: Path, umask: int) -> Path:
    """Of this tree as it stands, changes that are not committed included."""
    run("git", "clone", "--quiet", TREE, to, cwd=TREE, umask=umask)
    changed = run("git", "diff", "HEAD", "--binary", cwd=TREE)
    if changed:
        subprocess.run(["git", "apply", "-"], cwd=to, input=changed, text=True, check=True, umask=umask)
    (to / ".venv").symlink_to(sys.prefix)
    return to


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two, of clones at different places with different umasks and times of files."""
    base = tmp_path_factory.mktemp("builds")
    one, other = a_clone(base / "one", 0o022), a_clone(base / "quite another place", 0o077)
    for path in (other / "portcullis").rglob("*.py"):
        os.utime(path, (1, 1))
    (other / "portcullis/rubbish.py").write_text("")  # git does not know it
    run(one / "deploy/build.sh", cwd=base)
    run(other / "deploy/build.sh", cwd=base, umask=0o077, TZ="Pacific/Auckland", LC_ALL="C")
    return one / "dist", other / "dist"


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_two_builds_of_one_commit_are_equal_byte_by_byte(builds: tuple[Path, Path]) -> None:
    one, other = map(digests, builds)
    assert len(one) == 3
    assert one == other


def test_the_sums_are_those_of_the_files(builds: tuple[Path, Path]) -> None:
    assert run("sha256sum", "--check", "SHA256SUMS", cwd=builds[0]).count(": OK") == 2


def test_the_wheel_holds_the_client_and_the_commands(builds: tuple[Path, Path]) -> None:
    (wheel,) = builds[0].glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (commands,) = (archive.read(name).decode() for name in names if name.endswith("/entry_points.txt"))
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == PACKAGES
    assert {"web_client/index.html", "web_client/vendor/zstddec.wasm", "web_client/app/main.js"} <= set(names)
    assert "portcullis/quickstart/system_packages.txt" in names
    assert "portcullis/schemas/documents.json" in names
    assert not [name for name in names if name.endswith(".pyc") or "node_modules" in name]
    assert not [name for name in names if name.startswith("web_client/") and name.endswith(".json")]
    for command in ("portcullis", "portcullis-broker", "portcullis-gateway", "portcullis-agent"):
        assert f"\n{command} = " in commands


def test_the_source_package_holds_what_builds_the_same_wheel(
    builds: tuple[Path, Path], tmp_path: Path
) -> None:
    (source,), (wheel,) = builds[0].glob("*.tar.gz"), builds[0].glob("*.whl")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        modes = {member.mode & 0o777 for member in archive.getmembers()}
        (when,) = {member.mtime for member in archive.getmembers()}
    assert {"LICENSE", "README.md", "deploy/quickstart.sh", "web_client/vendor/zstddec.wasm"} <= names
    assert not [name for name in names if name.startswith(("tests/", ".ci/", "var/")) or ".venv" in name]
    assert modes <= {0o644, 0o755}
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    run(*pip, "--wheel-dir", tmp_path, source, cwd=tmp_path, SOURCE_DATE_EPOCH=str(int(when)))
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_a_tree_without_the_decoder_makes_no_wheel(tmp_path: Path) -> None:
    clone = a_clone(tmp_path / "clone", 0o022)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hatchling", "build", "--target", "wheel"],
        cwd=clone,
        text=True,
        capture_output=True,
    )
    assert done.returncode != 0
    assert "web_client.fetch" in done.stderr
    assert not list(clone.glob("dist/*"))
