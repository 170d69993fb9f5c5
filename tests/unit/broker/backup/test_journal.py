"""Journals of revocations: what is read, what is passed over, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.backup import journal
from broker.backup.journal import credential_digest, parse, since
from portcullis.errors import Refused


def line(**fields: object) -> bytes:
    whole = {"time": 10.0, "epoch": 1, "kind": "user_disabled", "tenant": "a" * 16, "id": "b" * 16, **fields}
    return json.dumps(whole).encode() + b"\n"


def test_the_journals_of_all_brokers_are_read_together_in_order() -> None:
    entries = parse(line(time=30) + line(time=5, epoch=2), line(time=20), b"").entries
    assert [(entry.epoch, entry.time) for entry in entries] == [(1, 20), (1, 30), (2, 5)]


def test_a_last_line_that_broke_off_is_passed_over_and_counted() -> None:
    read = parse(line() + line()[:-9])
    assert (len(read.entries), read.broken) == (1, 1)


def test_kinds_of_a_newer_program_are_passed_over_and_counted() -> None:
    read = parse(line(kind="moon_phase") + line(extra={"a": 1}))
    assert (len(read.entries), read.unknown) == (1, 1)


def test_blank_lines_are_none() -> None:
    assert parse(b"\n \n\0\0\0\n" + line()).entries == parse(line()).entries


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[]",
        b"1",
        b"null",
        b'{"kind": "everything"}',
        b'{"time": "x", "kind": "everything"}',
        b"\xff\xfe",
        b'{"time": 1, "kind": 7}',
        b'{"time": 1, "kind": "everything", "id": {}}',
        b'{"time": 1' + b" " * 70000 + b"}",
        b'{"time": 1, "kind": "everything", "epoch": 1e999}',
        b"[" * 20000,
    ],
)
def test_a_line_in_the_middle_that_is_no_entry_is_refused(bad: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse(line() + bad + b"\n" + line())
    assert refused.value.code == "journal_damaged" and "2" in refused.value.message


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert parse(data).entries == ()
    except Refused as exc:
        assert exc.code == "journal_damaged"


def test_entries_since_a_backup_are_those_of_later_epochs_and_times() -> None:
    entries = parse(line(time=100) + line(time=1000) + line(time=1, epoch=2)).entries
    found = since(entries, epoch=1, created=1100, margin_seconds=300)
    assert [entry.time for entry in found] == [1000, 1]
    assert since(entries, epoch=2, created=1100, margin_seconds=300) == []


def test_a_digest_names_credentials_and_is_empty_without_any() -> None:
    one = {"password_hash": "$argon2id$x", "totp_secret": "ABC"}
    assert credential_digest(one) == credential_digest({**one, "groups": ["staff"]})
    assert credential_digest(one) != credential_digest({**one, "totp_secret": "ABD"})
    assert credential_digest({"password_hash": ""}) == ""


def test_a_hash_that_was_renewed_at_a_sign_in_voids_nothing() -> None:
    one = {"password_hash": "$argon2id$m=1", "totp_secret": "ABC"}
    assert credential_digest(one) == credential_digest({**one, "password_hash": "$argon2id$m=2"})


def test_every_kind_is_a_word() -> None:
    assert all(kind.replace("_", "").isalpha() for kind in journal.KINDS)
