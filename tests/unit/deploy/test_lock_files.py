"""The lock files say what is installed, by hash, and nothing about where it was found."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

CLONE = Path(__file__).resolve().parents[3]
LOCKS = sorted((CLONE / "deploy").glob("requirements*.lock"))


def pins(name: str) -> dict[str, str]:
    text = (CLONE / "deploy" / name).read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+) \\$", text, re.MULTILINE))


def requirements(extra: str | None = None) -> list[Requirement]:
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    return [
        Requirement(line)
        for line in (project["optional-dependencies"][extra] if extra else project["dependencies"])
    ]


def test_there_is_one_for_each_use() -> None:
    assert [path.name for path in LOCKS] == [
        "requirements-build.lock",
        "requirements-dev.lock",
        "requirements-fetch.lock",
        "requirements-windows.lock",
        "requirements-wine.lock",
        "requirements.lock",
    ]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_no_host_and_no_path_is_named(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in lines if re.search(r"://|^-|(^|\s)/", line)]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash(path: Path) -> None:
    blocks = re.split(r"\n(?=[a-z])", path.read_text())[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize(
    ("lock", "extra"),
    [
        ("requirements.lock", None),
        ("requirements-dev.lock", None),
        ("requirements-dev.lock", "dev"),
        ("requirements-build.lock", "build"),
        ("requirements-fetch.lock", "fetch"),
        ("requirements-windows.lock", "windows"),
        ("requirements-wine.lock", "windows"),
    ],
)
def test_a_lock_fulfils_what_the_project_asks_for(lock: str, extra: str | None) -> None:
    pinned = pins(lock)
    for requirement in requirements(extra):
        version = pinned.get(requirement.name.lower())
        assert version is not None, f"{requirement.name} is not in {lock}: run deploy/lock.sh"
        assert requirement.specifier.contains(version), (
            f"{requirement} is not met by {version}: run deploy/lock.sh"
        )


def test_tests_run_with_the_versions_that_services_run_with() -> None:
    dev = pins("requirements-dev.lock")
    assert {name: dev.get(name) for name in pins("requirements.lock")} == pins("requirements.lock")


def test_agents_on_windows_run_with_the_versions_that_others_run_with() -> None:
    everywhere, windows = pins("requirements.lock"), pins("requirements-windows.lock")
    shared = everywhere.keys() & windows.keys()
    assert shared and {name: windows[name] for name in shared} == {name: everywhere[name] for name in shared}
