"""What `portcullis host applications` prints of what the service tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from portcullis.cli.__main__ import parser
from portcullis.errors import InvalidInput
from portcullis.schemas.checking import sent_findings

EDITOR = {
    "id": "editor.desktop",
    "name": "Ed\x1b[31mitor",
    "suggested_name": "Editor",
    "command": ["mousepad", "a file"],
    "published": [],
    "missing": [],
}
SHELL = {
    **EDITOR,
    **{"id": "sh.desktop", "name": "Shell", "suggested_name": "Shell", "command": ["sh"]},
    **{"published": ["My shell"], "missing": ["h2"]},
}
ANSWER = {
    "items": [EDITOR, SHELL],
    "hosts": [{"name": "h1", "outcome": "done"}, {"name": "h3", "outcome": "away"}],
}


class Service:
    def __init__(self) -> None:
        self.asked: dict[str, str] = {}

    def get(self, *segments: str, query: Mapping[str, str]) -> dict[str, Any]:
        assert segments == ("admin", "installed")
        self.asked = dict(query)
        return ANSWER


def run(*words: str) -> Service:
    service = Service()
    arguments = parser().parse_args(["host", "applications", *words])
    arguments.run(service, arguments)
    return service


def test_a_table_says_what_is_there_and_what_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("h1", "--locale", "de").asked == {"host": "h1", "locale": "de"}
    out = capsys.readouterr().out
    assert "mousepad 'a file'" in out and "My shell" in out and "h3: did not answer (away)" in out
    assert "\x1b" not in out


def test_of_a_group_what_is_on_all_its_hosts_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--group", "office").asked["host_group"] == "office"
    out = capsys.readouterr().out
    assert "editor.desktop" in out and "sh.desktop" not in out


def test_json_is_what_the_service_said(capsys: pytest.CaptureFixture[str]) -> None:
    run("h1", "--json")
    assert json.loads(capsys.readouterr().out) == ANSWER


def test_documents_can_be_applied(capsys: pytest.CaptureFixture[str]) -> None:
    run("--group", "office", "--yaml")
    (document,) = yaml.safe_load_all(capsys.readouterr().out)
    assert (document["name"], document["command"]) == ("Editor", ["mousepad", "a file"])
    assert document["host_groups"] == ["office"]
    assert list(sent_findings(document)) == []


@pytest.mark.parametrize("words", [(), ("h1", "--group", "office")])
def test_one_host_or_one_group_is_named(words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        run(*words)
