"""What the journal's file holds when writing it is cut short: lines that a restore can read, and no half of one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from broker.backup.journal import parse
from broker.revocation import journal
from broker.revocation.keeping import keep
from tests.support.clock import ManualClock

LINE = {"time": 1.0, "epoch": 1, "kind": "user", "tenant": "t", "id": "first"}
NEXT = {**LINE, "id": "second"}


class NoSite:
    def get(self, scope: str, path: object) -> None:
        return None


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


DAY = 24 * 3600.0
NOW = 1_000 * DAY


def said(kind: str, age_days: float, id: str) -> bytes:
    entry = {"time": NOW - age_days * DAY, "epoch": 1, "kind": kind, "tenant": "t", "id": id}
    return json.dumps(entry).encode() + b"\n"


def test_what_a_restore_may_need_is_kept_and_nothing_else() -> None:
    needed = said("token_revoked", 399, "a") + said("user_disabled", 3, "u") + said("machine_revoked", 2, "m")
    text = (
        said("token_revoked", 401, "old")
        + needed[: len(said("token_revoked", 399, "a"))]
        + said("login", 5, "l")
        + said("user_disabled", 9, "u")
        + said("user_enabled", 6, "u")
        + needed[len(said("token_revoked", 399, "a")) :]
    )
    kept = keep(text, NOW)
    assert kept.endswith(needed) and parse(kept).kept_since == NOW - 400 * DAY
    assert [entry.id for entry in parse(kept).entries] == ["a", "u", "m"]
    assert keep(kept, NOW) == kept
    assert (
        parse(keep(kept, NOW - DAY)).kept_since == NOW - 400 * DAY
    )  # a clock that went back promises no more


def test_a_journal_that_loses_nothing_says_no_beginning() -> None:
    assert keep(said("user", 1, "u") + said("token_revoked", 1, "a"), NOW) == said("token_revoked", 1, "a")
    assert parse(keep(said("token_revoked", 1, "a"), NOW), said("login", 1, "l")).kept_since == 0


def test_one_of_several_journals_that_reaches_back_is_enough() -> None:
    cut, whole = keep(said("token_revoked", 401, "a"), NOW), said("token_revoked", 401, "a")
    assert (parse(cut).kept_since, parse(cut, whole).kept_since) == (NOW - 400 * DAY, 0)


@pytest.mark.parametrize("bad", [b"{\n", b"[]\n", b'{"kind": "user"}\n', b'{"kind": "user", "time": "x"}\n'])
def test_a_damaged_journal_is_not_cut(bad: bytes) -> None:
    with pytest.raises(ValueError):
        keep(said("login", 1, "l") + bad + said("login", 1, "l"), NOW)


async def test_a_journal_that_has_grown_is_cut_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "CUT_BYTES", 2_000)
    path = tmp_path / "revocations.jsonl"
    kept = journal.RevocationJournal(path, NoSite(), ManualClock(NOW))  # type: ignore[arg-type]
    for number in range(40):
        await kept.append("login", "t", f"l{number}")
    await kept.append("token_revoked", "t", "a")
    assert path.stat().st_size < 4_000 and written(path)[-1] == "a"
    for number in range(40):
        await kept.append("token_revoked", "t", f"t{number}")
    assert [name for name in written(path) if name[0] == "t"] == [f"t{number}" for number in range(40)]
    path.write_bytes(b"{}\n" + path.read_bytes())
    await kept.append("token_revoked", "t", "b")
    assert path.read_bytes().startswith(b"{}\n") and path.read_bytes().count(b'"b"') == 1
