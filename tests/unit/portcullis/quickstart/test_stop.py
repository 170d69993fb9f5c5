"""What --reset removes, and what it leaves when it is killed meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from portcullis.quickstart import stop


class Killed(BaseException):
    pass


def test_a_removal_that_is_killed_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tmp_path / "0123456789abcdef"
    release.mkdir()
    (release / ".complete").touch()

    def killed(*args: object, **options: object) -> None:
        raise Killed

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(Killed):
        stop.remove_at_once(release)
    assert not release.exists()


def test_what_a_killed_removal_left_goes_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop.instance, "releases_in_use", lambda clone: {tmp_path / "used"})
    for name in (".removed-environment-1", "unused", "used", "environment-2"):
        (tmp_path / name).mkdir()
    stop.remove_releases(tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["used"]
