"""A user's copy of a template: made whole or not at all, brought up to date without what the user has being lost."""

import errno
import os
from pathlib import Path

import pytest

from agents.linux.wine import prefix
from agents.linux.wine.exit_codes import Trouble
from agents.linux.wine.prefix import Template, judge, locked, program_file, ready

REG = b"WINE REGISTRY Version 2\n\n#arch=win64\n\n"
PEN = b'[Software\\\\Pen] 1\n"Colour"="red"\n"Home"="C:\\\\users\\\\maker\\\\Temp"\n'


def template_of(tmp_path: Path, version: int = 1, pen: bytes = PEN, **files: str) -> Template:
    place = tmp_path / f"template-{version}"
    (place / "drive_c/windows").mkdir(parents=True)
    (place / "drive_c/App").mkdir()
    (place / "drive_c/App/App.exe").write_text(f"MZ {version}")
    (place / "drive_c/users/maker/AppData").mkdir(parents=True)
    (place / "drive_c/users/maker/Documents").symlink_to("/nonexistent/maker")
    (place / "drive_c/users/maker/Pictures").mkdir()
    (place / "drive_c/users/maker/Pictures/sample.bmp").write_text("BM")
    (place / "drive_c/windows/kernel32.dll").symlink_to("/usr/lib/somewhere/kernel32.dll")
    for name, text in files.items():
        (place / "drive_c" / name).write_text(text)
    for name in ("system.reg", "userdef.reg"):
        (place / name).write_bytes(REG)
    (place / "user.reg").write_bytes(REG + pen)
    return Template("office", version, "maker", str(place))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_the_first_copy_is_the_users_own(tmp_path: Path, home: Path) -> None:
    folder = home / "copy"
    folder.mkdir()
    stamp = ready(folder, template_of(tmp_path), "ann", home)
    place = folder / "prefix"
    assert (stamp.user, stamp.version) == ("ann", 1)
    assert (place / "drive_c/users/ann/Documents").resolve() == home / "Documents"
    assert (home / "Pictures/sample.bmp").read_text() == "BM"
    assert (place / "drive_c/users/ann/Pictures").is_symlink()
    assert not (place / "drive_c/users/maker").exists()
    assert b"users\\\\ann\\\\Temp" in (place / "user.reg").read_bytes()
    assert (place / "drive_c/windows/kernel32.dll").readlink() == Path("/usr/lib/somewhere/kernel32.dll")
    drives = {path.name: str(path.readlink()) for path in (place / "dosdevices").iterdir()}
    assert drives == {"c:": "../drive_c", "h:": str(home)}  # and not the whole host
    assert [path.name for path in folder.iterdir()] == ["prefix"]


def test_a_copy_of_the_same_version_is_left_alone(tmp_path: Path, home: Path) -> None:
    folder, template = home / "copy", template_of(tmp_path)
    folder.mkdir()
    ready(folder, template, "ann", home)
    (folder / "prefix/drive_c/App/own.txt").write_text("mine")
    assert ready(folder, template, "renamed", home).user == "ann"
    assert (folder / "prefix/drive_c/App/own.txt").read_text() == "mine"
    assert not (folder / "previous").exists()


def renewed(tmp_path: Path, home: Path) -> Path:
    folder = home / "copy"
    folder.mkdir()
    ready(folder, template_of(tmp_path), "ann", home)
    place = folder / "prefix"
    (place / "drive_c/users/ann/AppData/settings.ini").write_text("mine")
    (place / "drive_c/App/cache.bin").write_text("mine")
    registry = (place / "user.reg").read_bytes()
    (place / "user.reg").write_bytes(registry.replace(b'"red"', b'"green"'))
    return folder


def test_a_newer_version_keeps_profile_and_changes_and_what_was_before(tmp_path: Path, home: Path) -> None:
    folder = renewed(tmp_path, home)
    stamp = ready(folder, template_of(tmp_path, 2, PEN.replace(b'"red"', b'"blue"')), "ann", home)
    place = folder / "prefix"
    assert stamp.version == judge(place).version == 2
    assert (place / "drive_c/App/App.exe").read_text() == "MZ 2"
    assert (place / "drive_c/users/ann/AppData/settings.ini").read_text() == "mine"
    assert b'"Colour"="green"' in (place / "user.reg").read_bytes()
    assert not (place / "drive_c/App/cache.bin").exists()
    assert (folder / "previous/drive_c/App/cache.bin").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == ["prefix", "previous"]


def test_an_older_template_changes_nothing(tmp_path: Path, home: Path) -> None:
    folder = home / "copy"
    folder.mkdir()
    ready(folder, template_of(tmp_path, 2), "ann", home)
    assert ready(folder, template_of(tmp_path, 1), "ann", home).version == 2


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, home, monkeypatch, capsys) -> None:
    folder, newer = renewed(tmp_path, home), template_of(tmp_path, 2)
    monkeypatch.setattr(prefix, "copy_file", _full)
    assert ready(folder, newer, "ann", home).version == 1
    assert "stays at version 1" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["prefix"]


def test_a_first_copy_on_a_full_disk_is_told_and_removed(tmp_path, home, monkeypatch) -> None:
    folder = home / "copy"
    folder.mkdir()
    monkeypatch.setattr(prefix, "copy_file", _full)
    with pytest.raises(Trouble) as trouble:
        ready(folder, template_of(tmp_path), "ann", home)
    assert trouble.value.code == "home_full"
    assert list(folder.iterdir()) == []


def _full(source: str, target: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_was_broken_off_is_begun_anew(tmp_path: Path, home: Path) -> None:
    folder = renewed(tmp_path, home)
    (folder / "new").mkdir()
    (folder / "new/half").write_text("")
    ready(folder, template_of(tmp_path, 2), "ann", home)
    assert not (folder / "prefix/half").exists()
    (folder / "prefix").rename(folder / "next")  # between the two names
    assert ready(folder, template_of(tmp_path, 3), "ann", home).version == 3
    assert (folder / "prefix/drive_c/users/ann/AppData/settings.ini").read_text() == "mine"


@pytest.mark.parametrize("lost", ["system.reg", "user.reg", "portcullis.json", "drive_c/windows"])
def test_a_copy_that_lost_parts_is_told(tmp_path: Path, home: Path, lost: str) -> None:
    folder, template = home / "copy", template_of(tmp_path)
    folder.mkdir()
    ready(folder, template, "ann", home)
    (folder / "prefix" / lost).rename(tmp_path / "lost")
    with pytest.raises(Trouble) as trouble:
        ready(folder, template, "ann", home)
    assert trouble.value.code == "wine_prefix_broken"
    assert str(folder / "prefix") in str(trouble.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"template": "x", "version": 1, "user": "../x"}'])
def test_a_stamp_that_is_none_is_told(tmp_path: Path, home: Path, text: str) -> None:
    folder, template = home / "copy", template_of(tmp_path)
    folder.mkdir()
    ready(folder, template, "ann", home)
    (folder / "prefix/portcullis.json").write_text(text)
    with pytest.raises(Trouble) as trouble:
        ready(folder, template, "ann", home)
    assert trouble.value.code == "wine_prefix_broken"


def test_a_copy_of_somebody_else_is_told(tmp_path: Path, home: Path, monkeypatch) -> None:
    folder, template = home / "copy", template_of(tmp_path)
    folder.mkdir()
    ready(folder, template, "ann", home)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(Trouble) as trouble:
        ready(folder, template, "ann", home)
    assert trouble.value.code == "wine_prefix_foreign"


def test_a_link_in_place_of_a_copy_is_told(tmp_path: Path, home: Path) -> None:
    folder = home / "copy"
    folder.mkdir()
    (folder / "prefix").symlink_to(tmp_path)
    with pytest.raises(Trouble) as trouble:
        ready(folder, template_of(tmp_path), "ann", home)
    assert trouble.value.code == "wine_prefix_foreign"


def test_one_session_at_a_time_has_a_copy(home: Path) -> None:
    with locked(home / "copy") as first:
        os.set_inheritable(first, True)
        with pytest.raises(Trouble) as trouble, locked(home / "copy"):
            pass
        assert trouble.value.code == "wine_prefix_busy"
        heir = os.dup(first)
    with pytest.raises(Trouble), locked(home / "copy"):
        pass  # who inherited it holds it
    os.close(heir)
    with locked(home / "copy"):
        pass


def test_a_template_that_goes_meanwhile_is_told(tmp_path: Path, home: Path) -> None:
    folder = home / "copy"
    folder.mkdir()
    with pytest.raises(Trouble) as trouble:
        ready(folder, Template("office", 1, "maker", str(tmp_path / "gone")), "ann", home)
    assert trouble.value.code == "wine_template_missing"


def test_programs_are_found_whatever_the_case(tmp_path: Path) -> None:
    place = Path(template_of(tmp_path).prefix)
    assert program_file(place, ("app", "APP.EXE")) == place / "drive_c/App/App.exe"
    assert program_file(place, ("app", "other.exe")) is None
    assert program_file(place, ("app",)) is None
