"""What the package's own actions decide, apart from what they ask of Windows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.windows import installation
from agents.windows.installation import (
    Wish,
    broker_address,
    check_windows,
    host_name,
    read_token,
    remove,
    start,
)
from portcullis.errors import InvalidInput


@pytest.mark.parametrize(
    "text", ["broker.example:9443", "https://broker.example:9443", "https://broker.example:9443/"]
)
def test_a_broker_may_be_written_as_an_address_or_a_url(text: str) -> None:
    assert str(broker_address(text)) == "broker.example:9443"


@pytest.mark.parametrize("text", ["", "broker.example", "http://broker.example:80/x", "https://"])
def test_what_is_no_address_of_a_broker_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="BROKERURL"):
        broker_address(text)


@pytest.mark.parametrize(
    ("computer", "name"), [("DESKTOP-7", "desktop-7"), ("BÜRO_PC", "b-ro-pc"), ("X" * 80, "x" * 63)]
)
def test_a_host_is_called_like_the_machine(computer: str, name: str) -> None:
    assert host_name(computer) == name


@pytest.mark.parametrize("encoding", ["ascii", "utf-8-sig", "utf-16"])
def test_a_token_is_read_as_editors_of_windows_write_it(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "token").write_text("join_secret\r\n", encoding=encoding, newline="")
    assert read_token(tmp_path / "token") == "join_secret"


def test_a_wish_does_not_show_its_token() -> None:
    assert "secret" not in repr(Wish("b:1", "n", "join_secret", ""))


def test_windows_that_is_too_old_is_refused() -> None:
    check_windows(installation.OLDEST_BUILD)
    with pytest.raises(InvalidInput):
        check_windows(9600)


def test_a_removal_leaves_nothing_or_the_identity_alone(tmp_path: Path) -> None:
    folder = tmp_path / "Portcullis"
    for name in ("agent/machine.json", "logs/agent.log", "run/session", "agent.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    (folder / "logs/link").symlink_to(outside)
    (folder / "linked").symlink_to(outside)
    remove(folder, folder / "agent")
    assert [path.name for path in folder.iterdir()] == ["agent"]
    remove(folder, None)
    assert not folder.exists() and (outside / "kept").exists()
    remove(folder, None)  # once more, of nothing


def test_what_cannot_be_removed_does_not_keep_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Portcullis"
    for name in ("a", "b", "c"):
        (folder / name).mkdir(parents=True)
    real = os.rmdir

    def rmdir(path: os.PathLike[str] | str, *rest: object, **options: object) -> None:
        if str(path).endswith("b"):
            raise PermissionError(13, "in use")
        real(path, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rmdir", rmdir)
    with pytest.raises(PermissionError):
        remove(folder, None)
    assert [path.name for path in folder.iterdir()] == ["b"]


class Manager:
    """Of services: gives these answers when it is asked to start one, which then has these states."""

    def __init__(self, answers: list[int], states: list[int]) -> None:
        self.answers, self.states, self.waited = answers, states, 0.0

    def ask(self) -> int:
        return self.answers.pop(0)

    def state(self) -> int:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def wait(self, seconds: float) -> None:
        self.waited += seconds


@pytest.mark.parametrize("answers", [[0], [1056], [1053, 0], [1055, 1053, 1053, 1056]])
def test_service_that_comes_up_late_is_started_again(answers: list[int]) -> None:
    manager = Manager(answers, [2, 2, 4])
    start(manager.ask, manager.state, manager.wait)
    assert not manager.answers


@pytest.mark.parametrize(("answers", "states"), [([1053] * 9, [1]), ([5], [1]), ([0], [2, 1]), ([0], [2])])
def test_service_that_does_not_come_up_fails_the_installation_in_the_end(
    answers: list[int], states: list[int]
) -> None:
    manager = Manager(answers, states)
    with pytest.raises(OSError, match="PortcullisAgent"):
        start(manager.ask, manager.state, manager.wait)
    assert manager.waited < 120
