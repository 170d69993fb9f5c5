"""Every reason code is reached by some test: one that nothing produces, or no test expects, is a promise to nobody.

Told by the source, so that it needs no list to keep: a code is *produced* where product code names it, and *expected*
where a test names it in an assertion, among what it expects to be raised, or in its parameters; or names there an
exception class whose `code` it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from portcullis.reasons import REASONS

ROOT = Path(__file__).resolve().parents[3]
PRODUCT = ("agents", "broker", "gateway", "portcullis")
MADE_FROM_THE_TABLE = {"reasons.py", "advice.js"}
EXPECTING = ("parametrize", "param", "raises")


@cache
def product_sources() -> tuple[str, ...]:
    paths = [path for part in PRODUCT for path in (ROOT / part).rglob("*.py")]
    paths += (ROOT / "web_client").rglob("*.js")
    return tuple(path.read_text() for path in paths if path.name not in MADE_FROM_THE_TABLE)


@cache
def classes() -> dict[str, str]:
    """Exception classes by name, with the code that each stands for."""
    found = {}
    for source in product_sources():
        for name, code in re.findall(
            r'^class (\w+)\(.*\):\n(?:    .*\n|\n)*?    code = "(\w+)"', source, re.MULTILINE
        ):
            found[name] = code
    return found


@cache
def expected() -> frozenset[str]:
    """All words that tests expect, and claims that several of them try."""
    sources = (path for name in ("test_*.py", "*_claims.py") for path in (ROOT / "tests").rglob(name))
    trees = (ast.parse(path.read_text()) for path in sources)
    return frozenset(word for tree in trees for node in _expectations(tree) for word in _words(node))


def _expectations(tree: ast.Module) -> Iterator[ast.AST]:
    """Assertions, what they name, what is expected to be raised, and parameters."""
    told = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _expects(node))
    ]
    yield from told
    named = {inner.id for node in told for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(ast.unparse(target) in named for target in node.targets):
            yield node.value


def _expects(call: ast.Call) -> bool:
    return ast.unparse(call.func).rpartition(".")[2] in EXPECTING


def _words(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
            yield from re.findall(r"\[(\w+)\]", inner.value)
        elif isinstance(inner, ast.Name):
            yield classes().get(inner.id, "")
        elif isinstance(inner, ast.Attribute):
            yield classes().get(inner.attr, "")


@pytest.mark.parametrize("code", REASONS)
def test_every_code_is_produced_somewhere(code: str) -> None:
    assert any(re.search(rf"""["'\[`]{code}["'\]`]""", source) for source in product_sources())


@pytest.mark.parametrize("code", REASONS)
def test_every_code_is_expected_by_some_test(code: str) -> None:
    assert code in expected()


def test_a_code_that_no_test_names_would_be_noticed() -> None:
    assert "no_such_" + "code" not in expected()
    assert classes()["GridInUse"] == "grid_in_use"
