"""What people and scripts give to `-f`: folders, files, and what must not get through."""

from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.cli.documents import ManifestError
from portcullis.cli.plan_text import LONGEST_VALUE, access_text, changes_text
from portcullis.cli.tree import is_configuration, read_tree

APPLICATION = "kind: application\nname: app {0}\ncommand: [mousepad]\n"


def error(folder: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        read_tree(str(folder))
    return str(caught.value).replace(f"{folder}/", "")


def test_a_folder_is_read_in_the_order_of_its_paths(tmp_path: Path) -> None:
    for name, number in (("b.yaml", 3), ("a/z.yml", 1), ("a.json", 2), ("notes.txt", 9), (".git/x.yaml", 9)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(APPLICATION.format(number))
    documents = read_tree(str(tmp_path))
    assert [document.data["name"] for document in documents] == ["app 2", "app 1", "app 3"]
    assert [document.folder for document in documents] == [tmp_path, tmp_path / "a", tmp_path]


def test_a_link_out_of_the_folder_is_passed_over(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.yaml", tmp_path / "tree"
    folder.mkdir()
    outside.write_text(APPLICATION.format(1))
    (folder / "a.yaml").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    assert "expected at least one document" in error(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ), "expected at most 1048576 characters, aliases written out"),
        ("kind: &k user\nname: &n [*n]\n", "a.yaml:2:7: expected no value of itself"),
        ("kind: user\nname: x\nname: y\n", "a.yaml:3:1: name: expected once (it stands in line 2)"),
        ("kind: user\nname: no\n", "a.yaml:2:7: name: expected a name of 1 to 64 printable characters"),
        ("kind: user\nname: x\nrol: y\n", "a.yaml:3:1: rol: expected 'role' instead"),
        ("kind: user\nname: x\ngroups: staff\n", "a.yaml:3:9: groups: expected a list of group names"),
        ("kind: role\nname: x\npermissions: [users.fly]\n", "a.yaml:3:15: permissions[0]: expected the name of a"),
        ("!!python/object/apply:os.system [id]\n", "could not determine a constructor"),
        ("kind: user\nname: x\n" + "  " * 3 + "a: b\n", "not YAML"),
        ("- " * 500_000, "expected fewer nested"),
        ("{a: " * 200_000, "expected fewer nested"),
        ("kind: user\nname: \"a\\x1b[2J\"\n", "a.yaml:2:7: name: expected a name"),
        ("x" * (1 << 20) + "x", "expected at most 1048576 bytes"),
        ("kind: 2024-01-01\n", "a.yaml:1:7: kind: expected one of tenant, role"),
        ("kind: policy\nlevel: tenant\nvalues: {clipboard: maybe}\n", "a.yaml:3:21: values.clipboard: expected one of"),
    ],
)  # fmt: skip
def test_what_must_not_get_through_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert message in error(tmp_path)


def test_every_finding_is_told_and_very_many_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("---\n".join("kind: user\nrole: 5\n" for _ in range(150)))
    lines = error(tmp_path).splitlines()
    assert len(lines) == 201 and lines[-1] == "... and 100 more"


def test_anchors_that_do_no_harm_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "kind: application\nname: x\ncommand: [x]\nentitled: {users: &all [ann], groups: *all}\n"
    )
    (document,) = read_tree(str(tmp_path))
    assert document.data["entitled"] == {"users": ["ann"], "groups": ["ann"]}


def test_a_thousand_applications_in_a_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("---\n".join(APPLICATION.format(number) for number in range(1000)))
    assert len(read_tree(str(tmp_path))) == 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (APPLICATION, False),
        (f"{APPLICATION}---\n{APPLICATION}", False),
        (f"{APPLICATION}labels: {{owner: x}}\n", True),
        (f"{APPLICATION}---\nkind: user\nname: x\n", True),
        ("kind: desktop\n", False),
        ("[1, 2]", False),
    ],
)
def test_a_file_of_plain_applications_is_no_configuration(text: str, expected: bool) -> None:
    assert is_configuration(text.encode(), "x") is expected


def test_names_cannot_drive_a_terminal() -> None:
    evil = "\x1b[2Jx\u202e"
    change = {
        **{"action": "change", "kind": "user", "name": evil},
        "fields": [{"field": evil, "from": evil, "to": [evil, "y" * 500]}],
    }
    told = [
        *changes_text([change]),
        *access_text({"gained_count": 2, "gained": [{"user": evil, "application": evil}]}),
    ]
    assert all(line.isprintable() for line in told)
    assert max(map(len, told)) < 3 * LONGEST_VALUE and told[-1] == "  + ... and 1 more"
