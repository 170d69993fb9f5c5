from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.desktop.icon_theme import MAXIMUM_FOLDERS, Folder, Icons, parse_theme

HEAD = "[Icon Theme]\nName=x\nInherits={inherits}\nDirectories={folders}\n"


def theme(data: Path, name: str, folders: dict[str, str], inherits: str = "") -> None:
    place = data / "icons" / name
    groups = "".join(f"[{folder}]\n{keys}\n" for folder, keys in folders.items())
    place.mkdir(parents=True, exist_ok=True)
    (place / "index.theme").write_text(
        HEAD.format(inherits=inherits, folders=",".join(folders)) + groups, encoding="utf-8"
    )


def picture(data: Path, place: str) -> Path:
    path = data / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_folder_for_the_size_is_taken_or_the_nearest(tmp_path: Path) -> None:
    theme(tmp_path, "hicolor", {"16/apps": "Size=16", "64/apps": "Size=64", "256/apps": "Size=256"})
    small = picture(tmp_path, "icons/hicolor/16/apps/edit.png")
    middle = picture(tmp_path, "icons/hicolor/64/apps/edit.png")
    icons = Icons([tmp_path])
    assert icons.find("edit", 64) == middle
    assert icons.find("edit", 128) == middle
    assert icons.find("edit.png", 16) == small


def test_a_scalable_folder_is_for_every_size_between(tmp_path: Path) -> None:
    theme(
        tmp_path,
        "hicolor",
        {"48/apps": "Size=48\nType=Fixed", "scalable/apps": "Size=16\nType=Scalable\nMinSize=8\nMaxSize=512"},
    )
    picture(tmp_path, "icons/hicolor/48/apps/edit.png")
    drawn = picture(tmp_path, "icons/hicolor/scalable/apps/edit.svg")
    assert Icons([tmp_path]).find("edit", 128) == drawn


@pytest.mark.parametrize(
    ("folder", "size", "distance"),
    [
        (Folder("a", 48, "Fixed"), 50, 2),
        (Folder("a", 48), 50, 0),
        (Folder("a", 48), 51, 1),
        (Folder("a", 48, "Scalable", 32, 64), 128, 64),
        (Folder("a", 64, "Fixed", scale=2), 128, 0),
    ],
)
def test_how_far_a_folder_is_from_a_size(folder: Folder, size: int, distance: int) -> None:
    assert folder.distance(size) == distance


def test_a_theme_goes_before_those_that_it_inherits_and_the_fallback_is_last(tmp_path: Path) -> None:
    theme(tmp_path, "Adwaita", {"64": "Size=64"}, inherits="Parent")
    theme(tmp_path, "Parent", {"64": "Size=64"}, inherits="Adwaita,Parent,hicolor")
    theme(tmp_path, "hicolor", {"64": "Size=64"})
    for place in ("Parent/64/a.png", "hicolor/64/a.png", "hicolor/64/b.png"):
        picture(tmp_path, f"icons/{place}")
    icons = Icons([tmp_path])
    assert icons.find("a", 64) == tmp_path / "icons/Parent/64/a.png"
    assert icons.find("b", 64) == tmp_path / "icons/hicolor/64/b.png"


def test_pictures_without_a_theme_are_found_last(tmp_path: Path) -> None:
    here = picture(tmp_path / "two", "pixmaps/old.xpm")
    assert Icons([tmp_path / "one", tmp_path / "two"]).find("old", 64) == here


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "\0", "x" * 300, "/etc/passwd", "/etc/shadow.txt"])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    theme(tmp_path, "hicolor", {"64": "Size=64"})
    picture(tmp_path, "x.png")
    assert Icons([tmp_path]).find(name, 64) is None


def test_a_path_is_that_path_if_it_may_be_a_picture() -> None:
    assert Icons([]).find("/opt/x/icon.PNG", 64) == Path("/opt/x/icon.PNG")


def test_a_theme_says_nonsense_and_is_bounded() -> None:
    folders = ",".join(["../../etc", "/etc", "nosize", "big", *(f"f{n}" for n in range(5000))])
    groups = "[../../etc]\nSize=1\n[/etc]\nSize=1\n[big]\nSize=99999999\nScale=x\n"
    groups += "".join(f"[f{n}]\nSize={n + 1}\nType=Odd\n" for n in range(5000))
    read = parse_theme("x", f"[Icon Theme]\nDirectories={folders}\n{groups}".encode())
    assert len(read.folders) <= MAXIMUM_FOLDERS
    assert {folder.name for folder in read.folders} & {"../../etc", "/etc", "nosize", "big"} == set()
    assert {folder.kind for folder in read.folders} == {"Threshold"}


@given(st.binary(max_size=300))
def test_no_content_breaks_a_theme(content: bytes) -> None:
    assert parse_theme("x", b"[Icon Theme]\n" + content).name == "x"
