from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from portcullis.cli.documents import spell
from portcullis.cli.manifest import MAXIMUM_BYTES, ManifestError, parse
from portcullis.model.names import NAME_RULE, is_fit_name

EDITOR = """\
kind: application
name: Text editor
command: [mousepad]
icon: mousepad            # optional: name, file or none
environment: {}
entitled: {users: [demo], groups: [staff]}
"""


def error(text: str | bytes) -> str:
    with pytest.raises(ManifestError) as caught:
        parse(text if isinstance(text, bytes) else text.encode(), "app.yaml")
    return str(caught.value)


def changed(**fields: object) -> str:
    """The editor's document with other fields, as JSON, which carries any value."""
    return json.dumps({**yaml.safe_load(EDITOR), **fields})


def test_the_documented_example_is_taken() -> None:
    (document,) = parse(EDITOR.encode(), "app.yaml")
    assert document.name == "Text editor"
    assert document.command == ("mousepad",)
    assert (document.icon, document.keeps_icon) == ("mousepad", False)
    assert document.body() == {
        "command": ["mousepad"],
        "environment": {},
        "entitled": {"users": ["demo"], "groups": ["staff"]},
        "disabled": False,
    }


def test_wishes_for_a_host_are_sent_when_there_are_any() -> None:
    (document,) = parse(
        f"{EDITOR}host_groups: [gpu]\nminimum_memory_bytes: 8589934592\n".encode(), "app.yaml"
    )
    assert document.body() | {"host_groups": ["gpu"], "minimum_memory_bytes": 2**33} == document.body()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("host_groups: gpu", "host_groups: expected a list of host groups"),
        ("minimum_memory_bytes: 8G", "minimum_memory_bytes: expected a whole number, 0 or more"),
        ("minimum_memory_bytes: -1", "minimum_memory_bytes: expected a whole number, 0 or more"),
        ("minimum_memory_bytes: true", "minimum_memory_bytes: expected a whole number, 0 or more"),
    ],
)
def test_malformed_wishes_for_a_host_are_named(line: str, message: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(message)):
        parse(f"{EDITOR}{line}\n".encode(), "app.yaml")


def test_several_documents_keep_their_order() -> None:
    documents = parse(f"{EDITOR}---\n{EDITOR.replace('Text editor', 'Notes')}---\n".encode(), "app.yaml")
    assert [document.name for document in documents] == ["Text editor", "Notes"]


def test_json_is_taken_as_one_document_or_a_list() -> None:
    one = yaml.safe_load(EDITOR)
    assert [document.name for document in parse(json.dumps(one).encode(), "-")] == ["Text editor"]
    two = [one, {**one, "name": "Notes"}]
    assert [document.name for document in parse(json.dumps(two, indent="\t").encode(), "-")] == [
        "Text editor",
        "Notes",
    ]


def test_yaml_in_braces_is_taken() -> None:
    (document,) = parse(b"{kind: application, name: x, command: [x], entitled: {}}", "app.yaml")
    assert document.name == "x"


@pytest.mark.parametrize(
    ("icon", "expected"), [("none", None), (None, None), ("gimp", "gimp"), ("./a.png", "./a.png")]
)
def test_an_icon_is_a_name_a_file_or_none(icon: str | None, expected: str | None) -> None:
    (document,) = parse(changed(icon=icon).encode(), "-")
    assert (document.icon, document.keeps_icon) == (expected, False)


def test_an_absent_icon_keeps_the_published_one() -> None:
    (document,) = parse(b"kind: application\nname: x\ncommand: [x]\n", "app.yaml")
    assert document.keeps_icon


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "app.yaml: expected at least one document"),
        ("---\n---\n", "app.yaml: expected at least one document"),
        ("# nothing\n", "app.yaml: expected at least one document"),
        ("hello", "app.yaml:1:1: expected a mapping with kind: application"),
        ("- 1\n", "app.yaml:1:1: expected a mapping with kind: application"),
        (
            "kind: application\n",
            f"app.yaml:1:1: name: expected a name of {NAME_RULE}",
        ),
        ("a: b: c\n", "app.yaml:1:5: not YAML: mapping values are not allowed here"),
        ("kind: [\n", "app.yaml:2:1: not YAML: expected the node content, but found '<stream end>'"),
        (
            "!!python/object/apply:os.system [id]\n",
            "app.yaml:1:1: not YAML: could not determine a constructor",
        ),
        (
            "\tkind: application",
            "app.yaml:1:1: not YAML: found character '\\t' that cannot start any token",
        ),
        (b"name: \xff\n", "app.yaml:1:7: expected UTF-8"),
        ("name: \x07\n", "app.yaml:1:7: not YAML: a character that may not stand here"),
        (b" " * (MAXIMUM_BYTES + 1), f"app.yaml: expected at most {MAXIMUM_BYTES} bytes"),
        ("[" * 5000, "app.yaml: expected fewer nested"),
        ("&a [*a]\n", "app.yaml:1:1: expected no value of itself"),
        ("kind: &a application\nname: *b\n", "app.yaml:2:7: not YAML: found undefined alias 'b'"),
    ],
)
def test_what_is_no_manifest_is_named(text: str | bytes, message: str) -> None:
    assert error(text).startswith(message)


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        (
            "kind: application",
            "kind: desktop",
            "app.yaml:1:7: kind: expected one of tenant, role, group, user",
        ),
        ("kind: application", "kind: aplication", "app.yaml:1:7: kind: expected 'application' instead"),
        (
            "command: [mousepad]",
            "enabled: true",
            "app.yaml:3:1: enabled: expected one of kind, name, command",
        ),
        ("kind: application", "knd: application", "app.yaml:1:1: knd: expected 'kind' instead"),
        (
            "name: Text editor",
            "name: 5",
            f"app.yaml:2:7: name: expected a name of {NAME_RULE} (quote it: it",
        ),
        (
            "name: Text editor",
            "name: ' '",
            "app.yaml:2:7: name: expected a name of 1 to 64 printable characters without space",
        ),
        ("name: Text editor", 'name: "a\\x1b[2J"', "app.yaml:2:7: name: expected a name"),
        (
            "command: [mousepad]",
            "command: mousepad",
            "app.yaml:3:10: command: expected the program and its arguments as a list",
        ),
        (
            "command: [mousepad]",
            "command: []",
            "app.yaml:3:10: command: expected the program and its arguments as a list",
        ),
        (
            "command: [mousepad]",
            "command:\n- mousepad\n- 5",
            "app.yaml:5:3: command[1]: expected text (quote it: it is read as int",
        ),
        (
            "command: [mousepad]",
            "command: ['']",
            "app.yaml:3:11: command[0]: expected a program's name or path",
        ),
        (
            "command: [mousepad]",
            'command: ["a\\0b"]',
            "app.yaml:3:11: command[0]: expected text (without control characters)",
        ),
        (
            "environment: {}",
            "environment: {LANG: no}",
            "app.yaml:5:21: environment.LANG: expected text (quote it: it is read as bool",
        ),
        (
            "environment: {}",
            "environment: {1A: x}",
            "app.yaml:5:15: environment.1A: expected a variable's name",
        ),
        (
            "environment: {}",
            "environment: [A]",
            "app.yaml:5:14: environment: expected a mapping of variables to text",
        ),
        (
            "entitled: {users: [demo], groups: [staff]}",
            "entitled: {user: [demo]}",
            "entitled.user: expected 'users' instead",
        ),
        (
            "entitled: {users: [demo], groups: [staff]}",
            "entitled: {users: demo}",
            "entitled.users: expected a list of user",
        ),
        (
            "entitled: {users: [demo], groups: [staff]}",
            "entitled: {users: [no]}",
            "entitled.users[0]: expected text (quote",
        ),
        (
            "entitled: {users: [demo], groups: [staff]}",
            "entitled: demo",
            "entitled: expected a mapping of users and groups",
        ),
        (
            "entitled: {users: [demo], groups: [staff]}",
            "disabled: maybe",
            "app.yaml:6:11: disabled: expected true or false",
        ),
        ("entitled: {users: [demo], groups: [staff]}", "1: 2", "expected text as the key (quote it)"),
        ("environment: {}", "name: Again", "app.yaml:5:1: name: expected once (it stands in line 2)"),
    ],
)
def test_a_wrong_field_is_named_with_line_and_column(line: str, replacement: str, message: str) -> None:
    assert message in error(EDITOR.replace(line, replacement))


def test_every_malformed_document_is_reported_at_once() -> None:
    found = error(
        f"{EDITOR}---\nkind: x\n---\n{EDITOR.replace('Text editor', 'Other')}---\nkind: application\n"
    )
    assert [":".join(line.split(":")[:3]) for line in found.splitlines()] == [
        "app.yaml:8:7",
        "app.yaml:17:1",
    ]


def test_a_name_given_twice_is_refused() -> None:
    assert "app.yaml:9:7: name: expected a name that no document before has" in error(
        f"{EDITOR}---\n{EDITOR}"
    )


def test_a_key_given_twice_in_json_is_refused() -> None:
    assert (
        error('{"kind": "application", "kind": "x"}')
        == "app.yaml:1:25: kind: expected once (it stands in line 1)"
    )


def test_a_lone_surrogate_is_refused() -> None:
    assert "command[0]: expected text" in error(changed(command=["\ud800"]))


def test_aliases_do_not_multiply_the_work() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}]\n"
        for p, c in zip("abcdefghijklmnopqrstuvw", "bcdefghijklmnopqrstuvwx", strict=True)
    )
    assert "characters, aliases written out" in error(bomb)


def test_an_alias_may_save_writing() -> None:
    text = "kind: application\nname: x\ncommand: &c [a]\nentitled: {users: *c, groups: *c}\n"
    (document,) = parse(text.encode(), "app.yaml")
    assert (document.users, document.groups) == (("a",), ("a",))


def test_a_long_text_named_often_is_refused() -> None:
    long = "x" * 10_000
    wrong = error(f"kind: application\nname: x\ncommand: [&a {long}{', *a' * 200}]\n")
    assert wrong == f"app.yaml:3:10: expected at most {MAXIMUM_BYTES} characters, aliases written out"


def test_fields_of_json_have_places_too() -> None:
    assert error('[{"kind": "application",\n  "name": 5}]').startswith("app.yaml:2:11: name: expected a name")


def test_lines_end_as_yaml_has_them() -> None:
    """NEL and the line separator end one, so the character that may not stand there is in the third."""
    assert error("\x85\u2028 \x1f").startswith("app.yaml:3:2: not YAML: a character that may not stand here")


def test_columns_are_characters_not_bytes() -> None:
    assert error("kind: application\nname: ä\ncommand: {ü: [1], ö: b: c}\n").startswith(
        "app.yaml:3:23: not YAML"
    )


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60)
    | st.text(alphabet="ab:-[]{}&*!|>'\"#%@,? \n\t", max_size=60)
)
def test_whatever_is_no_manifest_is_refused_with_a_place(text: str) -> None:
    """A finding begins with the file, and names no line or column that is not there."""
    for finding in error(text).splitlines():
        place = re.match(r"app\.yaml(?::(\d+):(\d+))?(?:, document \d+)?: ", finding)
        assert place, finding
        if place[1]:
            lines = re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text)
            assert 1 <= int(place[1]) <= len(lines)
            assert 1 <= int(place[2]) <= len(lines[int(place[1]) - 1]) + 1


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
applications = st.fixed_dictionaries(
    {
        "kind": st.just("application"),
        "name": texts.filter(is_fit_name),
        "command": st.lists(texts.filter(lambda text: bool(text.strip())), min_size=1, max_size=4),
    },
    optional={
        "environment": st.dictionaries(
            st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), texts, max_size=3
        ),
        "entitled": st.fixed_dictionaries(
            {}, optional={"users": st.lists(texts, max_size=3), "groups": st.lists(texts, max_size=3)}
        ),
        "disabled": st.booleans(),
    },
)


@given(st.lists(applications, min_size=1, max_size=4, unique_by=lambda document: document["name"]))
def test_what_is_well_formed_reads_the_same_as_yaml_and_as_json(documents: list[dict[str, object]]) -> None:
    as_yaml = parse(yaml.safe_dump_all(documents, allow_unicode=True).encode(), "x")
    as_json = parse(json.dumps(documents).encode(), "x")
    assert [(d.name, d.body()) for d in as_yaml] == [(d.name, d.body()) for d in as_json]
    assert [d.name for d in as_yaml] == [d["name"] for d in documents]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(
        ["kind", "name", "command", "icon", "environment", "entitled", "disabled", "host_groups", "x"]
    ),
    anything,
)
def test_any_value_of_a_field_is_taken_or_named(field: str, value: object) -> None:
    try:
        documents = parse(changed(**{field: value}).encode(), "x")
    except ManifestError as exc:
        assert str(exc).startswith("x")
    else:
        assert len(documents) == 1


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    with pytest.raises(ManifestError):
        parse(content, "x")


def test_a_path_is_spelled_as_one_would_write_it() -> None:
    assert spell(("entitled", "users", 0)) == "entitled.users[0]"
