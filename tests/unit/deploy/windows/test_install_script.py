"""install.ps1 by a grammar of PowerShell: nothing here runs it, so that a script that is broken must not pass."""

from __future__ import annotations

from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

SCRIPT = Path(__file__).resolve().parents[4] / "deploy/windows/install.ps1"


def faults(script: str) -> list[int]:
    """Lines that are no PowerShell."""
    tree = Parser(Language(tree_sitter_powershell.language())).parse(script.encode())
    waiting, found = [tree.root_node], []
    while waiting:
        node: Node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(node.start_point.row + 1)
        waiting += node.children
    return sorted(found)


def test_the_script_is_powershell() -> None:
    assert faults(SCRIPT.read_text()) == []


@pytest.mark.parametrize("cut", ["try {", "param(", "@('/i'", "finally {"])
def test_a_broken_script_is_found(cut: str) -> None:
    script = SCRIPT.read_text()
    assert cut in script
    assert faults(script.replace(cut, cut[:-1], 1))


def test_no_token_stands_on_a_command_line() -> None:
    assert "JOINTOKEN=" not in SCRIPT.read_text()


def test_windows_powershell_5_reads_it_whatever_the_language_of_windows() -> None:
    """Without a mark in front it takes files for those of the machine's own code page."""
    assert SCRIPT.read_text().isascii()
