"""Which templates a host has, and what a session is told to run of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.linux.wine import making
from agents.linux.wine.bridge import WineHost, application, copy_folder, profile_name
from agents.linux.wine.exit_codes import EXIT_CODES
from agents.linux.wine.runner import Job, environment
from agents.linux.wine.templates import Template, Templates
from portcullis.errors import CODES, InvalidInput, Refused
from portcullis.model.session import Display
from portcullis.model.wine import WineProgram
from portcullis.protocol.orders import Order

PROGRAM = WineProgram("office", "App/app.exe", ("--help", "a b", '"', ""))


def kept(state: Path, name: str, version: int, **changes: object) -> Path:
    folder = state / "wine" / name / str(version)
    (folder / "prefix").mkdir(parents=True)
    facts = {"user": "maker", "wine": "wine-8.0", "source": "setup.exe", "programs": [], **changes}
    (folder / "template.json").write_text(json.dumps(facts))
    return folder


def order() -> Order:
    return Order(
        *("1" * 16, "2" * 16, "3" * 16, "Ann Äh", 0, "pending", "4" * 16, "Editor", (), {}, Display()),
        wine=PROGRAM,
    )


def test_the_newest_version_that_is_whole_counts(tmp_path: Path) -> None:
    kept(tmp_path, "office", 9)
    kept(tmp_path, "office", 10)
    (kept(tmp_path, "office", 11) / "template.json").unlink()
    (kept(tmp_path, "office", 12) / "prefix").rmdir()
    (kept(tmp_path, "cad", 1) / "template.json").write_text("{")
    kept(tmp_path, "Not-A-Name", 1)
    templates = Templates.of_state(tmp_path)
    assert templates.names() == ["office"]
    found = templates.find("office")
    assert found is not None and found.version == 10


@pytest.mark.parametrize("name", ["..", "../wine/office", "office/10", "", "OFFICE"])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    kept(tmp_path, "office", 10)
    assert Templates.of_state(tmp_path).find(name) is None
    assert not making.remove(Templates.of_state(tmp_path), name)
    assert Templates.of_state(tmp_path).names() == ["office"]


def test_a_host_without_the_template_refuses(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        WineHost(Templates.of_state(tmp_path)).run_of(PROGRAM)
    assert refused.value.code == "wine_template_missing"


def test_a_session_runs_the_program_with_its_arguments_as_they_are(tmp_path: Path) -> None:
    folder = kept(tmp_path, "office", 10)
    run = WineHost(Templates.of_state(tmp_path), 7.0).run_of(PROGRAM)
    made = application(order(), run, {"PATH": "/usr/bin"}, Path("/home/ann"))
    job = Job.of(made["command"][4:])
    assert made["folder"] == str(folder)
    assert job.arguments == PROGRAM.arguments
    assert job.program == ("App", "app.exe")
    assert (job.user, job.grace_seconds, job.template.version) == ("annah", 7.0, 10)
    assert job.folder == Path("/home/ann/.local/share/portcullis/wine/office/4444444444444444")
    assert job.template.prefix == "/proc/self/fd/3/prefix"  # nothing of the agent's folder is told


def test_two_applications_of_a_template_have_a_copy_each() -> None:
    home = Path("/home/ann")
    assert copy_folder(home, PROGRAM, "4" * 16) != copy_folder(home, PROGRAM, "5" * 16)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ann", "ann"),
        ("漢字", "user"),
        ("../x", "x"),
        ("Public", "user"),
        ("a" * 80, "a" * 20),
        ("NUL", "user"),
    ],
)
def test_a_profile_has_a_name_that_a_folder_may_have(name: str, expected: str) -> None:
    assert profile_name(name) == expected


def test_the_environment_downloads_nothing_and_registers_nothing(tmp_path: Path) -> None:
    own = {"WINEDLLOVERRIDES": "d3d9=n", "WINEPREFIX": "/elsewhere", "USER": "pcu1", "LANG": "C.UTF-8"}
    variables = environment(own, tmp_path, "ann")
    assert variables["WINEDLLOVERRIDES"] == "d3d9=n;winemenubuilder.exe=d;mscoree,mshtml="
    assert (variables["WINEPREFIX"], variables["USER"]) == (str(tmp_path), "ann")
    assert (variables["WINEDEBUG"], variables["LANG"]) == ("-all", "C.UTF-8")
    (tmp_path / "drive_c/windows/mono").mkdir(parents=True)
    assert environment({}, tmp_path, "ann")["WINEDLLOVERRIDES"] == "winemenubuilder.exe=d;mshtml="


def test_every_end_of_the_runner_is_a_reason() -> None:
    assert set(EXIT_CODES.values()) <= CODES.keys()
    assert 0 not in EXIT_CODES


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (making.Wanted("../x"), "NAME"),
        (making.Wanted("x", installer=Path("/nonexistent/setup.exe")), "--installer"),
        (making.Wanted("x", arguments=("/S",)), "ARGUMENT"),
        (making.Wanted("x", source=Path("/nonexistent")), "--from"),
    ],
)
def test_what_cannot_be_made_is_told_first(tmp_path, monkeypatch, wanted, field) -> None:
    monkeypatch.setattr(making, "wine_is_installed", lambda: True)
    with pytest.raises(InvalidInput) as refused:
        making.make(Templates.of_state(tmp_path), wanted)
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_programs_of_the_start_menu_are_documents_to_apply(tmp_path: Path) -> None:
    from portcullis.schemas.checking import file_findings

    kept(
        tmp_path, "office", 1, programs=[{"name": "Writer", "program": "C:\\W\\w.exe", "arguments": "/new x"}]
    )
    template = Templates.of_state(tmp_path).find("office")
    assert isinstance(template, Template)
    (document,) = making.documents(template)
    assert file_findings(document) == []
    assert document["wine"] == {"template": "office", "program": "C:\\W\\w.exe", "arguments": ["/new", "x"]}
