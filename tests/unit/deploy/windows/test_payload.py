"""What goes into the package: an interpreter whose hash is known, and what an agent imports."""

from __future__ import annotations

import ast
import hashlib
import zipfile
from pathlib import Path

import pytest

from deploy.windows import payload
from deploy.windows.payload import PayloadError


def embeddable(path: Path, *more: str) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("python.exe", "python311.dll", "python311.zip", "python311._pth", *more):
            archive.writestr(name, name)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_interpreter_without_a_known_hash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "python-3.11.99-embed-amd64.zip"
    sha256 = embeddable(path)
    with pytest.raises(PayloadError, match="--python-sha256"):
        payload.check(path, "")
    payload.check(path, sha256.upper())
    with pytest.raises(PayloadError, match="expected"):
        payload.check(path, "0" * 64)


def test_the_pinned_interpreter_is_known_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "python-3.11.9-embed-amd64.zip"
    embeddable(path)
    assert len(payload.pinned(path.name)) == 64
    with pytest.raises(PayloadError, match="expected"):
        payload.check(path, "")


def test_the_interpreter_looks_for_modules_in_its_own_folder_alone(tmp_path: Path) -> None:
    embeddable(tmp_path / "python.zip")
    assert payload.unpack(tmp_path / "python.zip", tmp_path / "made") == 11
    paths = (tmp_path / "made/python311._pth").read_text().split()
    assert paths == ["python311.zip", ".", "Lib\\site-packages", "import", "site"]


@pytest.mark.parametrize("name", ["../out.exe", "/out.exe", "a\\..\\..\\out.exe"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    embeddable(tmp_path / "python.zip", name)
    with pytest.raises(PayloadError, match="holds"):
        payload.unpack(tmp_path / "python.zip", tmp_path / "made")


def test_what_is_no_embeddable_package_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "python.zip", "w") as archive:
        archive.writestr("python.exe", "")
    with pytest.raises(PayloadError, match="embeddable"):
        payload.unpack(tmp_path / "python.zip", tmp_path / "made")


def test_nothing_that_is_left_out_is_imported_by_what_is_there(tmp_path: Path) -> None:
    payload.copy_packages(tmp_path, "1.2.3")
    left_out = tuple(part.removesuffix(".py").replace("/", ".") for part in payload.NOT_OF_AGENTS)
    imported = {
        f"{path.relative_to(tmp_path)}: {name}"
        for path in tmp_path.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imports(node)
        if any(name == each or name.startswith(each + ".") for each in left_out)
    }
    assert {each for each in imported if not each.startswith("agents/backend.py: agents.linux")} == set()
    assert (tmp_path / "agents/windows/service.py").is_file() and not (tmp_path / "agents/linux").exists()


def imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
    return []
