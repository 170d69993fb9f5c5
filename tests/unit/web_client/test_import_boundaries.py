"""Who may import whom in the client: what import-linter cannot see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from web_client import ROOT

# core: the session library, usable without the portal. ui: elements, usable by portal and console.
FORBIDDEN = {"core": {"app", "admin", "ui"}, "ui": {"app", "admin", "core"}}

IMPORT = re.compile(
    r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\bnew\s+URL\(\s*|\bimport\(\s*)["']([^"'\n]+)["']""", re.ASCII
)


def imported_paths(source: str) -> list[str]:
    return IMPORT.findall(source)


def crossings(part: str, root: Path) -> list[str]:
    """`file -> import` of each import of `part` from a folder it may not know, or from another machine."""
    found = []
    for file in sorted((root / part).rglob("*.js")):
        for path in imported_paths(file.read_text()):
            if not path.startswith("."):
                found.append(f"{file.relative_to(root)} -> {path}")
                continue
            target = (file.parent / path).resolve()
            if target.is_relative_to(root) and target.relative_to(root).parts[0] in FORBIDDEN[part]:
                found.append(f"{file.relative_to(root)} -> {path}")
    return found


@pytest.mark.parametrize("part", sorted(FORBIDDEN))
def test_the_library_knows_nothing_of_what_is_built_on_it(part: str) -> None:
    assert crossings(part, ROOT) == []


def test_a_crossing_is_found(tmp_path: Path) -> None:
    (tmp_path / "core/input").mkdir(parents=True)
    (tmp_path / "core/input/keyboard.js").write_text(
        'import { t } from "../../app/strings.js";\nimport "./codes.js";\n'
        'export * from "../../ui/toolbar.js";\nconst w = new URL("../../admin/w.js", import.meta.url);\n'
        'import x from "https://elsewhere.example/x.js";\n'
    )
    assert crossings("core", tmp_path) == [
        "core/input/keyboard.js -> ../../app/strings.js",
        "core/input/keyboard.js -> ../../ui/toolbar.js",
        "core/input/keyboard.js -> ../../admin/w.js",
        "core/input/keyboard.js -> https://elsewhere.example/x.js",
    ]
