"""docs/architecture.md against the tree: what it names is there, and what is there has its place on it."""

import re
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[2]
PAGE = (CLONE / "docs/architecture.md").read_text()
PARTS = ("portcullis", "broker", "gateway", "agents", "web_client")
SEVERAL = re.compile(r"(\w+)/\{([\w,]+)\}\.py")


def named_files() -> set[str]:
    return set(re.findall(r"[\w.]+\.(?:py|js|sh)\b", SEVERAL.sub("", PAGE))) | {
        f"{name}.py" for _, names in SEVERAL.findall(PAGE) for name in names.split(",")
    }


def test_every_file_that_is_named_is_there() -> None:
    here = {path.name for part in (*PARTS, "deploy", "tests") for path in (CLONE / part).rglob("*.*")}
    assert named_files() - here == set()


@pytest.mark.parametrize("part", PARTS)
def test_every_package_has_its_line(part: str) -> None:
    packages = {path.parent.name for path in (CLONE / part).glob("*/**/__init__.py")}
    assert {name for name in packages if f"{name}/" not in PAGE} == set()


def test_every_module_of_a_broker_but_those_one_file_a_noun_has_its_place() -> None:
    modules = {
        path.name
        for folder in ("", "backup", "grid", "grid/etcd", "hosts", "launch", "peers", "revocation", "status")
        for path in (CLONE / "broker" / folder).glob("*.py")
        if path.name not in ("__init__.py", "outcomes.py")
    }
    assert modules - named_files() == set()
