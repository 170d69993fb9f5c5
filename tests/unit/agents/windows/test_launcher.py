"""What became of a session of a Windows host whose helper is not there any more."""

from __future__ import annotations

from pathlib import Path

from agents.desktops.attachments import Attachments
from agents.windows.desktops.finding import Seat
from agents.windows.interactive import Place, Started
from agents.windows.launcher import WindowsLauncher
from agents.windows.leaders import Notes, new_pipe_name, write_notes

SESSION = "0123456789abcdef"
ANN = Place(2, "ann", "S-1-5-21-1")


class Desk:
    """A machine at which ann is signed in, or nobody."""

    def __init__(self, is_signed_in: bool) -> None:
        self._is_signed_in = is_signed_in

    def find(self) -> Place:
        return ANN

    def seats(self) -> list[Seat]:
        return []

    def start(self, place: Place, command: object) -> Started:
        raise AssertionError("nothing is started")

    def is_there(self, place: Place) -> bool:
        return self._is_signed_in and place == ANN


def launcher_at(runtime: Path, is_signed_in: bool, is_attached: bool = False) -> WindowsLauncher:
    folder = runtime / "sessions" / SESSION
    folder.mkdir(parents=True)
    write_notes(folder, Notes(new_pipe_name(), ANN, Started(400, 1.5), is_attached))
    return WindowsLauncher(runtime, Desk(is_signed_in))


async def test_a_session_whose_user_signed_out_of_windows_ended_by_that(tmp_path: Path) -> None:
    status = await launcher_at(tmp_path, is_signed_in=False).ended(SESSION)
    assert status is not None and status.ended
    assert (status.code, status.detail) == ("console_signed_out", "ann signed out of Windows")


async def test_a_helper_that_was_killed_while_its_user_is_there_has_told_nothing(tmp_path: Path) -> None:
    assert await launcher_at(tmp_path, is_signed_in=True).ended(SESSION) is None


async def test_nothing_is_known_of_a_session_without_notes(tmp_path: Path) -> None:
    assert await launcher_at(tmp_path, is_signed_in=False).ended("fedcba9876543210") is None


async def test_an_attachment_to_the_desktop_of_who_signed_out_is_closed_by_that(tmp_path: Path) -> None:
    status = await launcher_at(tmp_path, is_signed_in=False, is_attached=True).ended(SESSION)
    assert status is not None and status.code == "desktop_closed"


def test_a_host_says_that_its_desktops_may_be_attached_to_where_they_may(tmp_path: Path) -> None:
    off, asks = Attachments(()), Attachments(("ask",))
    assert WindowsLauncher(tmp_path, Desk(True), attachments=off).features == {"windows"}
    assert WindowsLauncher(tmp_path, Desk(True), attachments=asks).features == {"windows", "desktops"}
