from __future__ import annotations

import os
from pathlib import Path

import pytest

from portcullis.quickstart import parts, place
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.place import OwnPlace, SystemPlace, check_is_own, check_x11_folder

DEEP = Path("/home/ann") / ("x" * 250) / ("y" * 250)
UNIX_SOCKET_BYTES = 107
LONGEST_BELOW_RUNTIME = "/sessions/0123456789abcdef/user/at-spi/bus_0"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "STATES", tmp_path / "lib")
    monkeypatch.setattr(place, "OWN_RUNTIMES", tmp_path)


def test_sockets_of_a_deep_clone_have_short_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "OWN_RUNTIMES", Path("/tmp"))
    monkeypatch.setattr(os, "geteuid", lambda: 4_294_967_293)
    for found in (OwnPlace(DEEP), SystemPlace(DEEP)):
        assert len(str(found.runtime) + LONGEST_BELOW_RUNTIME) <= UNIX_SOCKET_BYTES
    assert len(str(OwnPlace(DEEP).control_socket)) <= UNIX_SOCKET_BYTES


def test_root_gets_accounts_and_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for uid, isolation in ((0, "accounts"), (1000, "none")):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        assert place.place(DEEP, place.isolation_here()).isolation == isolation


def test_without_root_every_part_runs_as_who_starts_it_and_says_so(tmp_path: Path) -> None:
    found = Instance(tmp_path, Ports(8080, 21000, 21001), (tmp_path / "release",), isolation="none")
    for part in parts.parts(found):
        assert "--reuid" not in part.command and part.command[:3] == ("setpriv", "--pdeathsig", "TERM")
    agent = parts.agent(found).command
    assert agent[agent.index("--isolation") + 1] == "none"
    assert not any(word.startswith(("/var/lib", "/run", "/opt")) for word in agent)
    assert parts.removals(found) == []


def test_what_is_made_is_private(tmp_path: Path) -> None:
    found = OwnPlace(tmp_path)
    assert found.make().pw_uid == os.geteuid()
    for path in (tmp_path / "var", found.state, found.state / "homes", found.runtime):
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_runtime_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    OwnPlace(tmp_path).runtime.symlink_to(elsewhere)
    with pytest.raises(QuickstartError, match="somebody else"):
        OwnPlace(tmp_path).make()


def test_a_folder_that_others_can_enter_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "runtime"
    path.mkdir()
    path.chmod(0o750)
    with pytest.raises(QuickstartError):
        check_is_own(path)
    path.chmod(0o700)
    check_is_own(path)


def test_a_clone_is_one_kind_of_installation_at_a_time(tmp_path: Path) -> None:
    SystemPlace(tmp_path).state.mkdir(parents=True)
    with pytest.raises(QuickstartError, match="--reset"):
        OwnPlace(tmp_path).make_state()
    assert not (tmp_path / "var").exists()


def test_a_folder_in_which_displays_cannot_listen_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_x11_folder(tmp_path / "none")
    check_x11_folder(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(QuickstartError, match="chmod 1777"):
        check_x11_folder(tmp_path)


def test_read_only_folders_of_programs_can_be_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    found = OwnPlace(tmp_path / "clone")
    cache = found.state / "homes/ann/cache"
    cache.mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (cache / "link").symlink_to(outside)
    cache.chmod(0o500)
    found.clear()
    assert cache.stat().st_mode & 0o777 == 0o700
    assert outside.stat().st_mode & 0o777 == 0o500


def test_a_private_folder_of_somebody_else_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    check_is_own(tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(QuickstartError, match="somebody else"):
        check_is_own(tmp_path)
