"""Which files of a start menu are links, whatever else lies there."""

from __future__ import annotations

from pathlib import Path

from agents.windows.discovery import menu


def link(path: Path, size: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"L" * size)
    return path


def found(**folders: Path) -> list[str]:
    return list(menu.links({word: str(folder) for word, folder in folders.items()}))


def test_links_have_the_ids_of_their_places(tmp_path: Path) -> None:
    link(tmp_path / "Paint.LNK")
    link(tmp_path / "Office/Word.lnk")
    assert found(machine=tmp_path) == ["machine/Paint.LNK", "machine/Office/Word.lnk"]


def test_what_both_menus_have_is_shown_once_as_the_first_has_it(tmp_path: Path) -> None:
    link(tmp_path / "one/Paint.lnk")
    link(tmp_path / "other/paint.lnk")
    link(tmp_path / "other/Code.lnk")
    assert found(machine=tmp_path / "one", user=tmp_path / "other") == ["machine/Paint.lnk", "user/Code.lnk"]


def test_folders_that_lead_elsewhere_and_files_that_are_no_links_are_passed_over(tmp_path: Path) -> None:
    kept = link(tmp_path / "menu/Paint.lnk")
    link(tmp_path / "elsewhere/Secret.lnk")
    (tmp_path / "menu/again").symlink_to(tmp_path / "menu")
    (tmp_path / "menu/out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "menu/linked.lnk").symlink_to(kept)
    link(tmp_path / "menu/empty.lnk", 0)
    link(tmp_path / "menu/large.lnk", menu.MAXIMUM_LINK_BYTES + 1)
    link(tmp_path / "menu/readme.txt")
    (tmp_path / "menu/folder.lnk").mkdir()
    link(tmp_path / "menu/two\nlines.lnk")
    assert found(machine=tmp_path / "menu") == ["machine/Paint.lnk"]


def test_a_menu_that_is_too_deep_or_too_full_ends(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("deep", *(str(level) for level in range(menu.MAXIMUM_DEPTH + 2)))
    link(deep / "Lost.lnk")
    assert found(machine=tmp_path / "deep") == []
    for number in range(menu.MAXIMUM_FILES + 5):
        (tmp_path / f"full{number:05}.lnk").write_bytes(b"L")
    assert len(found(machine=tmp_path)) <= menu.MAXIMUM_FILES


def test_a_menu_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert found(machine=tmp_path / "missing") == []
