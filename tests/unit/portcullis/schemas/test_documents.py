"""Documents of configuration: the published schema, what checks them, and the examples of the documentation."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from portcullis.cli.documents import ManifestError, Place, spell
from portcullis.cli.manifest import application_of
from portcullis.cli.tree import read_tree
from portcullis.schemas.checking import file_findings, sent_findings
from portcullis.schemas.documents import FILE_KINDS, KINDS, as_text, documents_schema
from portcullis.schemas.places import path_of

ROOT = Path(__file__).parents[4]
PUBLISHED = json.loads((ROOT / "portcullis/schemas/documents.json").read_text())
VALIDATOR = Draft202012Validator(PUBLISHED)
PAGE = ROOT / "docs/configuration.md"
EXAMPLES: list[dict[str, Any]] = [
    document
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    for document in yaml.safe_load_all(block)
]


def spelled(document: Any) -> list[str]:
    return [spell(finding.path) for finding in file_findings(document)]


def test_the_published_schema_is_the_one_that_is_used() -> None:
    """Written by `portcullis schema > portcullis/schemas/documents.json`."""
    assert (ROOT / "portcullis/schemas/documents.json").read_text() == as_text(documents_schema())
    Draft202012Validator.check_schema(PUBLISHED)


def test_the_documentation_has_an_example_of_every_kind() -> None:
    assert {document["kind"] for document in EXAMPLES} == set(KINDS)


@pytest.mark.parametrize("document", EXAMPLES, ids=lambda document: document["kind"])
def test_every_example_of_the_documentation_is_right_and_a_mutated_one_is_not(
    document: dict[str, Any],
) -> None:
    assert file_findings(document) == [] and VALIDATOR.is_valid(document)
    assert VALIDATOR.is_valid([document])
    mutants = list(_mutants(document))
    assert len(mutants) > len(document)
    for mutant in mutants:
        assert file_findings(mutant) and not VALIDATOR.is_valid(mutant), mutant


def _mutants(document: dict[str, Any]) -> Any:
    """An unknown field, each needed one away, each value of another type."""
    yield {**document, "colour": "red"}
    yield {**document, "kind": "desktop"}
    for name in FILE_KINDS[document["kind"]]["required"]:
        yield {key: value for key, value in document.items() if key != name}
    for name in document.keys() - {"kind"}:
        mutant = copy.deepcopy(document)
        mutant[name] = 7.5
        yield mutant


def test_the_examples_can_be_applied_together(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text("---\n".join(yaml.safe_dump(document) for document in EXAMPLES))
    assert [document.data for document in read_tree(str(tmp_path))] == EXAMPLES


@pytest.mark.parametrize(
    ("document", "places"),
    [
        (7, [""]),
        ({}, ["kind"]),
        ({"kind": "application"}, ["name", "command"]),
        ({"kind": "application", "nam": "x", "command": "x"}, ["command", "nam", "name"]),
        ({"kind": "application", "name": "x", "command": [" ", 5]}, ["command[1]", "command[0]"]),
        ({"kind": "application", "name": "x", "command": ["x"], "environment": {"LD_PRELOAD": "x"}},
         ["environment.LD_PRELOAD"]),
        ({"kind": "application", "name": "x", "command": ["\ud800"]}, ["command[0]"]),
        ({"kind": "application", "name": "x", "command": ["a\0b"]}, ["command[0]"]),
        ({"kind": "application", "name": "x", "command": ["x"], "labels": {"Owner": "x"}}, ["labels.Owner"]),
        ({"kind": "user", "name": "a/b"}, ["name"]),
        ({"kind": "user", "name": "bob\n"}, ["name"]),
        ({"kind": "user", "name": "b\u202eob"}, ["name"]),
        ({"kind": "user", "name": "x", "groups": ["g"] * 65}, ["groups"]),
        ({"kind": "policy", "level": "group"}, ["of"]),
        ({"kind": "policy", "level": "tenant", "of": "x"}, ["of"]),
        ({"kind": "policy", "level": "tenant", "values": {"networks": ["10.0.0.1/8"]}}, ["values.networks[0]"]),
        ({"kind": "policy", "level": "tenant", "values": {"time_zone": "Mars/Base"}}, ["values.time_zone"]),
        ({"kind": "role", "name": "x", "permissions": ["platform.panic"]}, ["permissions[0]"]),
        ({1: 2}, ["1"]),
    ],
)  # fmt: skip
def test_a_finding_names_the_place(document: Any, places: list[str]) -> None:
    assert spelled(document) == places


def test_pictures_are_names_in_files_and_contents_in_requests() -> None:
    document: dict[str, Any] = {"kind": "application", "name": "x", "command": ["x"]}
    content = {"content_type": "image/png", "data": "eA=="}
    assert not file_findings({**document, "icon": "gimp"}) and sent_findings({**document, "icon": "gimp"})
    assert file_findings({**document, "icon": content}) and not sent_findings({**document, "icon": content})
    assert not sent_findings({**document, "icon": None}) and not sent_findings(
        {**document, "icon": {"hash": "0" * 64}}
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed_examples(draw: st.DrawFn) -> Any:
    document = copy.deepcopy(draw(st.sampled_from(EXAMPLES)))
    document[draw(st.sampled_from([*document, "name", "icon", "labels", "x"]))] = draw(JSON)
    return document


@given(JSON | changed_examples())
def test_what_the_commands_take_the_schema_takes_as_well(document: Any) -> None:
    """The other way round, names that are not printable and times that are none are found by the commands alone."""
    if isinstance(document, list):
        return  # a file may be a list of documents, a document is none
    findings = file_findings(document)
    assert findings or VALIDATOR.is_valid(document)
    beyond = (
        "name",
        "groups",
        "users",
        "hosts",
        "of",
        "networks",
        "hours",
        "time_zone",
        "labels",
        "host_groups",
        "application",
        "command",
        "description",
        "environment",
        "title",
        "role",
        "icon",
    )
    if findings and VALIDATOR.is_valid(document):
        assert all(set(finding.path) & set(beyond) for finding in findings)


APPLICATIONS = [document for document in EXAMPLES if document["kind"] == "application"]


@given(
    st.sampled_from(APPLICATIONS), st.sampled_from(["name", "command", "icon", "entitled", "disabled"]), JSON
)
def test_a_file_of_applications_is_checked_alike_by_both_ways(document: Any, name: str, value: Any) -> None:
    changed = {key: inner for key, inner in document.items() if key != "labels"} | {name: value}
    try:
        application_of(Place("x", 1), changed)
    except ManifestError:
        assert file_findings(changed)


@given(st.lists(st.text("abc_", min_size=1) | st.integers(0, 99), min_size=1))
def test_a_place_leads_back_to_its_path(path: list[str | int]) -> None:
    path = [segment for segment in path if isinstance(segment, str)][:1] + path
    if isinstance(path[0], str):
        assert path_of(spell(tuple(path))) == tuple(path)
