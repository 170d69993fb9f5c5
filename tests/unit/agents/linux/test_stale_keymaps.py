from __future__ import annotations

import os
import time
from pathlib import Path

from agents.linux.stale_keymaps import remove_stale_keymaps


def aged(path: Path, seconds: float) -> Path:
    path.write_bytes(b"keymap")
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    stale = aged(tmp_path / "server-2.xkm", 60)
    remove_stale_keymaps(tmp_path)
    assert not stale.exists()


def test_what_a_server_may_be_compiling_and_what_is_no_keymap_stays(tmp_path: Path) -> None:
    kept = [
        aged(tmp_path / "server-3.xkm", 1),
        aged(tmp_path / "server-3.xkm.old", 60),
        aged(tmp_path / "server-mine.xkm", 60),
    ]
    (tmp_path / "server-4.xkm").mkdir()
    os.utime(tmp_path / "server-4.xkm", (0, 0))
    remove_stale_keymaps(tmp_path)
    assert all(path.exists() for path in (*kept, tmp_path / "server-4.xkm"))
