"""What the journal's file holds when writing it is cut short: lines that a restore can read, and no half of one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broker.backup.journal import parse
from broker.revocation import journal

LINE = {"time": 1.0, "epoch": 1, "kind": "user", "tenant": "t", "id": "first"}
NEXT = {**LINE, "id": "second"}


def written(path: Path) -> list[str]:
    return [entry.id for entry in parse(path.read_bytes()).entries]


@pytest.mark.parametrize("length", [1, 30, journal._BLOCK_BYTES + 7])
def test_a_line_that_broke_off_is_not_the_beginning_of_the_next(tmp_path: Path, length: int) -> None:
    path = tmp_path / "revocations.jsonl"
    journal._append(path, [LINE])
    with path.open("ab") as file:
        file.write(b'{"time": 2.0, "kind": "' + b"x" * length)
    journal._append(path, [NEXT])
    assert written(path) == ["first", "second"]


def test_a_journal_that_began_with_a_broken_line_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "revocations.jsonl"
    path.write_bytes(b'{"time"')
    journal._append(path, [NEXT])
    assert written(path) == ["second"]


def test_what_a_full_disk_took_half_of_is_written_whole_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "revocations.jsonl", os.write
    journal._append(path, [LINE])
    monkeypatch.setattr(journal.os, "write", lambda fd, data: write(fd, data[:9]))
    with pytest.raises(OSError, match="full"):
        journal._append(path, [NEXT])
    assert written(path) == ["first"] and path.read_bytes().endswith(b"\n")
    monkeypatch.setattr(journal.os, "write", write)
    journal._append(path, [NEXT])
    assert written(path) == ["first", "second"]
