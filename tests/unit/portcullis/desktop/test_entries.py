from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.desktop.entries import (
    MAXIMUM_FILE_BYTES,
    entry_files,
    group_of,
    localised,
    read_entry,
    visible_entries,
)
from portcullis.desktop.exec_line import arguments_of, split, unescape

# `sh` and `env` are on every machine.
PLAIN = {"Type": "Application", "Name": "Shell", "Exec": "sh -c %f", "Icon": "sh"}


def write(folder: Path, name: str, **values: str) -> Path:
    path = folder / "applications" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key}={value}" for key, value in {**PLAIN, **values}.items() if value != "-"]
    path.write_text("\n".join(["# made by hand", "[Desktop Entry]", *lines, "[Desktop Action x]", "Exec=rm"]))
    return path


def names(*folders: Path) -> list[str]:
    return [entry.name for entry in visible_entries(folders)]


def test_an_entry_is_read(tmp_path: Path) -> None:
    write(tmp_path, "sh.desktop")
    (entry,) = visible_entries([tmp_path])
    assert (entry.id, entry.name, entry.command, entry.icon) == ("sh.desktop", "Shell", ("sh", "-c"), "sh")


@pytest.mark.parametrize(
    "values",
    [
        {"NoDisplay": "true"},
        {"Hidden": "true"},
        {"Type": "Link"},
        {"OnlyShowIn": "KDE;"},
        {"TryExec": "no-such-program"},
        {"Exec": "no-such-program"},
        {"Exec": "-"},
        {"Exec": 'sh "'},
        {"Exec": "sh %z"},
        {"Name": "-"},
        {"Name": "a\\nb"},
        {"Name": "a\u202eb"},
    ],
)
def test_what_is_not_to_be_shown_or_started_is_left_out(tmp_path: Path, values: dict[str, str]) -> None:
    write(tmp_path, "sh.desktop", **values)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "values", [{"NoDisplay": "false"}, {"TryExec": "env"}, {"NotShowIn": "KDE;"}, {"Icon": "-"}]
)
def test_what_is_to_be_shown_is_kept(tmp_path: Path, values: dict[str, str]) -> None:
    write(tmp_path, "sh.desktop", **values)
    assert names(tmp_path) == ["Shell"]


def test_a_terminal_application_gets_its_terminal(tmp_path: Path) -> None:
    write(tmp_path, "sh.desktop", Terminal="true")
    assert visible_entries([tmp_path])[0].command == ("xterm", "-T", "Shell", "-e", "sh", "-c")


def test_an_earlier_folder_hides_a_later_ones_entry(tmp_path: Path) -> None:
    write(tmp_path / "local", "sh.desktop", NoDisplay="true")
    write(tmp_path / "system", "sh.desktop")
    write(tmp_path / "system", "other.desktop", Name="Other")
    assert names(tmp_path / "local", tmp_path / "system") == ["Other"]


def test_entries_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "A", "c"):
        write(tmp_path, f"{name}.desktop", Name=name)
    assert names(tmp_path) == ["A", "b", "c"]


def test_an_entry_in_a_subfolder_has_its_id(tmp_path: Path) -> None:
    write(tmp_path, "kde/sh.desktop")
    assert visible_entries([tmp_path])[0].id == "kde-sh.desktop"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"no group", b"[Other]\nName=x\n", b"[Desktop Entry\nName", b"\0"]
)
def test_a_damaged_file_is_left_out(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, "x.desktop")
    path.write_bytes(content)
    assert read_entry("x.desktop", path) is None


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("app", ["app"]),
        ("app %U", ["app"]),
        ("app --file=%f x", ["app", "--file=", "x"]),
        ("app %c %k", ["app", "Name"]),
        ("app %i", ["app", "--icon", "icon"]),
        ("app 100%%", ["app", "100%"]),
        ('"my app" "a\\"b" "" c', ["my app", 'a"b', "", "c"]),
        ('app "%f"', ["app", "%f"]),
        ("app\t a  b ", ["app", "a", "b"]),
        ("", []),
    ],
)
def test_an_exec_line_is_taken_apart(line: str, arguments: list[str]) -> None:
    assert arguments_of(line, "Name", "icon") == arguments


@pytest.mark.parametrize("line", ['app "', 'app "\\x"', 'app "\\', "app %", "app %Q"])
def test_a_malformed_exec_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        arguments_of(line, "Name", None)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=4))
def test_a_quoted_line_reads_as_what_was_quoted(words: list[str]) -> None:
    def quoted(word: str) -> str:
        return '"' + "".join("\\" + c if c in '"`$\\' else c for c in word) + '"'

    assert split(" ".join(map(quoted, words))) == [(word, True) for word in words]


@given(st.text(max_size=30))
def test_no_line_breaks_the_reader(line: str) -> None:
    try:
        assert all(isinstance(word, str) for word in arguments_of(line, "n", None))
    except ValueError as exc:
        assert str(exc)


@pytest.mark.parametrize(
    ("locale", "name"),
    [
        ("", "Shell"),
        ("de", "Muschel"),
        ("de-AT", "Muscherl"),
        ("de_AT.UTF-8", "Muscherl"),
        ("de_CH", "Muschel"),
        ("sr@latin", "Školjka"),
        ("sr_RS@latin", "Školjka"),
        ("fr", "Shell"),
        ("../../etc", "Shell"),
        ("de]\nExec=rm", "Shell"),
    ],
)
def test_names_are_of_the_language_that_is_asked_for(tmp_path: Path, locale: str, name: str) -> None:
    path = write(
        tmp_path,
        "sh.desktop",
        **{"Name[de]": "Muschel", "Name[de_AT]": "Muscherl", "Name[sr@latin]": "Školjka"},
    )
    entry = read_entry("sh.desktop", path, locale)
    assert entry is not None and entry.name == name


def test_what_an_entry_says_beside_its_command_is_told(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "sh.desktop",
        Categories="Utility;X-Odd;;",
        MimeType="text/plain;",
        Keywords="a;b;",
        Comment="A shell",
        StartupWMClass="Sh",
    )
    entry = read_entry("sh.desktop", path)
    assert entry is not None
    assert (entry.categories, entry.mime_types, entry.keywords) == (
        ("Utility", "X-Odd"),
        ("text/plain",),
        ("a", "b"),
    )
    assert (entry.comment, entry.window_class, entry.terminal) == ("A shell", "Sh", False)


def test_an_application_starts_in_its_working_directory(tmp_path: Path) -> None:
    path = write(tmp_path, "sh.desktop", Path="/opt/my app", Terminal="true")
    entry = read_entry("sh.desktop", path)
    assert entry is not None
    assert entry.command == ("xterm", "-T", "Shell", "-e", "env", "--chdir=/opt/my app", "sh", "-c")
    assert (entry.working_directory, entry.terminal) == ("/opt/my app", True)
    elsewhere = read_entry("sh.desktop", write(tmp_path, "sh.desktop", Path="relative"))
    assert elsewhere is not None and elsewhere.working_directory == ""


def test_flatpaks_marks_around_files_go(tmp_path: Path) -> None:
    program = tmp_path / "flatpak"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    line = f"{program} run --file-forwarding org.x.Y @@u %U @@"
    path = write(tmp_path, "x.desktop", Exec=line)
    entry = read_entry("x.desktop", path)
    assert entry is not None and entry.command == (str(program), "run", "org.x.Y")


def test_a_folder_that_leads_into_itself_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "a/sh.desktop")
    folder = tmp_path / "applications"
    (folder / "a" / "again").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    assert [name for name, _ in entry_files(folder)] == ["a-sh.desktop"]


def test_what_is_no_plain_file_is_left_out_and_not_waited_for(tmp_path: Path) -> None:
    folder = write(tmp_path, "sh.desktop").parent
    os.mkfifo(folder / "pipe.desktop")
    (folder / "folder.desktop").mkdir()
    (folder / "gone.desktop").symlink_to("/nowhere")
    (folder / "zero.desktop").symlink_to("/dev/zero")
    (folder / "large.desktop").write_bytes(b"[Desktop Entry]\n" + b"#" * MAXIMUM_FILE_BYTES)
    assert names(tmp_path) == ["Shell"]


def test_a_line_of_another_encoding_takes_nothing_else_along(tmp_path: Path) -> None:
    path = write(tmp_path, "sh.desktop", Comment="x")
    path.write_bytes(path.read_bytes().replace(b"Comment=x", b"Comment[de]=f\xfcr alle\nName[de]=Muschel"))
    entry = read_entry("sh.desktop", path, "de")
    assert entry is not None and (entry.name, entry.comment) == ("Muschel", "")


@given(st.binary(max_size=200))
def test_no_content_breaks_the_reader(content: bytes) -> None:
    values = group_of(b"[Desktop Entry]\n" + content)
    assert localised(values, "Name", "de_AT") in {"", *values.values()}


def test_a_long_line_takes_no_long_time(tmp_path: Path) -> None:
    path = write(tmp_path, "x.desktop", Exec="a" + " " * (MAXIMUM_FILE_BYTES - 1000))
    assert read_entry("x.desktop", path) is None


def test_escapes_are_undone_once() -> None:
    assert unescape(r"a\sb\\s\x") == r"a b\s\x"
