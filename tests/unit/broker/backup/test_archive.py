"""The backup's file: what goes in comes out, and what is not whole, not ours or not known is refused by name."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.backup import archive
from broker.backup.archive import CHUNK_BYTES, Backup, BackupInfo
from broker.grid.grid import KeyValue
from broker.grid.seal import SiteKey
from portcullis.errors import Refused

KEY, OTHER_KEY = SiteKey(bytes(32)), SiteKey(b"\1" * 32)
CODES = {"backup_damaged", "backup_foreign", "backup_sealed", "backup_too_new"}

keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)
items = st.builds(
    KeyValue, keys, st.binary(max_size=200), st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1)
)


def backup_of(*records: KeyValue) -> Backup:
    return Backup(BackupInfo("a" * 16, "lab", 1, 3, 77, 1_763_676_000.25, "0.2.0", len(records)), records)


def written(backup: Backup, key: SiteKey = KEY) -> bytes:
    file = io.BytesIO()
    archive.write(backup, key, file)
    return file.getvalue()


def read(data: bytes, key: SiteKey = KEY) -> Backup:
    return archive.read(io.BytesIO(data), key)


def code_of(data: bytes, key: SiteKey = KEY) -> str:
    with pytest.raises(Refused) as refused:
        read(data, key)
    return refused.value.code


SMALL = backup_of(KeyValue("/p/v1/site/meta", b"sealed", 1, 1), KeyValue("/p/v1/site/tenant/x", b"", 2, 5))
FILE = written(SMALL)


@given(st.lists(items, max_size=20))
def test_what_was_written_is_read_again(records: list[KeyValue]) -> None:
    backup = backup_of(*records)
    assert read(written(backup)) == backup


@pytest.mark.parametrize("size", [CHUNK_BYTES - 400, CHUNK_BYTES, 3 * CHUNK_BYTES + 17])
def test_a_file_of_several_chunks_is_read_again(size: int) -> None:
    backup = backup_of(*(KeyValue(f"/p/v1/site/k/{n}", bytes([n]) * size, n + 1, n + 1) for n in range(3)))
    assert read(written(backup)) == backup


def test_two_files_of_the_same_content_share_no_sealed_byte_run() -> None:
    one, other = written(SMALL), written(SMALL)
    start = archive._HEADER_BYTES
    assert one[: start - 32] == other[: start - 32] and one[start:] != other[start:]


def test_neither_keys_nor_values_nor_names_stand_in_the_file() -> None:
    assert not any(word in FILE for word in (b"/p/v1", b"sealed", b"lab", b"0.2.0", b"meta"))


@settings(max_examples=300)
@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_any_altered_byte_is_refused(place: int, change: int) -> None:
    altered = bytearray(FILE)
    altered[place] ^= change
    assert code_of(bytes(altered)) in CODES


@given(st.integers(0, len(FILE) - 1))
def test_any_truncated_file_is_refused(length: int) -> None:
    assert code_of(FILE[:length]) == ("backup_damaged" if length else "backup_foreign")


@given(st.binary(min_size=1, max_size=100))
def test_what_follows_the_end_is_refused(more: bytes) -> None:
    assert code_of(FILE + more) == "backup_damaged"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_foreign_or_damaged(data: bytes) -> None:
    assert code_of(data) in {"backup_foreign", "backup_damaged"}


@pytest.mark.parametrize("head", [b"SQLite format 3\0", b"PK\3\4", b"\x1f\x8b", b"{}", b"portcullis\n"])
def test_other_files_are_foreign(head: bytes) -> None:
    assert code_of(head + bytes(4096)) == "backup_foreign"


def test_a_newer_format_is_refused_as_such_whatever_follows() -> None:
    newer = archive.MAGIC + struct.pack("<H", archive.VERSION + 1) + b"who knows" * 20
    assert code_of(newer) == "backup_too_new"


def test_another_sites_key_is_told_from_damage() -> None:
    assert code_of(FILE, OTHER_KEY) == "backup_sealed"


def test_chunks_in_another_order_are_refused_even_with_a_right_checksum() -> None:
    backup = backup_of(KeyValue("/p/v1/site/k/0", bytes(range(256)) * 3 * (CHUNK_BYTES // 256), 1, 1))
    whole = written(backup)
    start, size = archive._HEADER_BYTES, 4 + CHUNK_BYTES + 16
    one, two = whole[start : start + size], whole[start + size : start + 2 * size]
    assert (
        code_of(_checksummed(whole[:start] + two + one + whole[start + 2 * size : -32])) == "backup_damaged"
    )
    assert code_of(_checksummed(whole[:start] + one + whole[start + 2 * size : -32])) == "backup_damaged"
    assert code_of(_checksummed(whole[: start + size])) == "backup_damaged"


def _checksummed(data: bytes) -> bytes:
    return data + archive.hashlib.sha256(data).digest()
