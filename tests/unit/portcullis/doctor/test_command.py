"""What the command does where it can see little: exit codes, and that it looks at no other installation."""

from __future__ import annotations

import argparse
import inspect
import json
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from portcullis.doctor import command, defaults, publishing, running, tenancy, upkeep
from portcullis.quickstart import instance, place
from portcullis.quickstart.instance import Instance, Ports
from portcullis.rest import profile


def run(clone: Path | None = None, named: Path | None = None, json: bool = False) -> int:
    return command.run(argparse.Namespace(clone=clone, profile=named, json=json))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile of whoever looks, which leads to another installation: nothing may be asked there."""
    path = tmp_path / "elsewhere.json"
    path.write_text(json.dumps({"url": "http://127.0.0.1:1", "token": f"api_{'0' * 16}_{'0' * 64}"}))
    path.chmod(0o600)
    monkeypatch.setenv(profile.VARIABLE, str(path))
    monkeypatch.setattr(place, "STATES", tmp_path / "states")
    (tmp_path / "states").mkdir()
    return path


def made_in(clone: Path) -> Instance:
    made = Instance(clone, Ports(8080, 21000, 21001))
    instance.save(made)
    return made


@pytest.mark.parametrize("name", ["nowhere", "elsewhere.json"])
def test_a_named_folder_without_an_installation_is_nothing_to_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(tmp_path / name) == command.NOTHING
    said = capsys.readouterr()
    assert f"there is none in {tmp_path / name}" in said.err and said.out == ""


def test_a_damaged_installation_is_a_problem_and_not_another_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_in(tmp_path / "clone")
    (made.state / "instance.json").write_text("{")
    assert run(tmp_path / "clone") == command.NOTHING
    assert "instance.json is damaged" in capsys.readouterr().err


def test_a_profile_that_may_not_be_read_keeps_the_machine_from_no_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in(tmp_path / "clone")
    own = profile.of_clone(tmp_path / "clone")

    def refused(path: Path) -> bool:
        if path == own:
            raise PermissionError(13, "Permission denied", str(path))
        return False

    monkeypatch.setattr(Path, "exists", refused)  # root may enter every folder
    assert run(tmp_path / "clone", json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert [finding["check"] for finding in told["findings"] if str(own) in finding["what"]] == ["api"]


def test_an_installation_of_somebody_else_is_said_to_be_unseen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", closed)
    assert run(tmp_path / "clone") == command.NOTHING
    assert "could not be looked at: Permission denied" in capsys.readouterr().err


def test_root_does_not_call_a_supervisor_gone_that_answers_its_own_account_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in(tmp_path / "clone")
    monkeypatch.setattr("os.geteuid", lambda: 54321)
    run(tmp_path / "clone", json=True)
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [finding["severity"] for finding in findings if finding["check"] == "parts"] == ["unseen"]


@pytest.mark.parametrize("module", [defaults, publishing, running, tenancy, upkeep])
def test_every_check_is_made(module: ModuleType) -> None:
    names = [
        name for name, value in vars(module).items() if inspect.isfunction(value) and is_check(value, module)
    ]
    source = inspect.getsource(command)
    assert (
        names
        and [name for name in names if f"{module.__name__.rpartition('.')[2]}.{name}" not in source] == []
    )


def is_check(function: FunctionType, module: ModuleType) -> bool:
    is_own = function.__module__ == module.__name__ and not function.__name__.startswith("_")
    return is_own and function.__annotations__["return"] == "Iterable[Finding]"
