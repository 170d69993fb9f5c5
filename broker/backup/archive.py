"""The file that a backup is: records of one revision, sealed as a whole under the site key (docs/backup.md).

    file   = header | chunk... | SHA-256 of everything before it [32]
    header = "portcullis-backup" 0x00 | u16 version | key id [16] | salt [32]
    chunk  = u32 length | AES-256-GCM(key, nonce, up to 64 KiB of the body, header)
    nonce  = 7 zero bytes | u32 number of the chunk | u8 1 on the last chunk, else 0
    body   = u32 length, JSON of `BackupInfo` | record...
    record = u16 length, key | u32 length, value as the grid holds it | u64 create revision | u64 mod revision

Integers are little endian. The key is HKDF-SHA256 of the site key's "backup" key with the salt, so each file has one of
its own; the numbered nonces make a chunk that is missing, doubled or out of order fail. The key id tells another site's
file from a damaged one, the checksum at the end lets anybody see damage without a key. Values stay sealed as they were:
who opens the file still needs the site key for them. No I/O but the stream that is given.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.grid.grid import KeyValue
from broker.grid.seal import KEY_BYTES, SiteKey
from portcullis.errors import Refused

VERSION = 1
MAGIC = b"portcullis-backup\0"
CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
_DIGEST_BYTES = 32
_SALT_BYTES = 32
_KEY_ID_BYTES = 16
_HEADER_BYTES = len(MAGIC) + 2 + _KEY_ID_BYTES + _SALT_BYTES
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """What stands in the file before the records."""

    site_id: str
    site_name: str
    schema: int
    epoch: int
    revision: int
    """Of the grid that was read: every record is as it was then."""
    created: float
    program: str
    """The version of Portcullis that wrote the file."""
    records: int


@dataclass(frozen=True, slots=True)
class Backup:
    info: BackupInfo
    items: tuple[KeyValue, ...]


def write(backup: Backup, site_key: SiteKey, to: BinaryIO) -> None:
    """Raises OSError."""
    header = MAGIC + struct.pack("<H", VERSION) + key_id(site_key) + secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.sha256()
    for part in (header, *_sealed(header, site_key, _body(backup))):
        digest.update(part)
        to.write(part)
    to.write(digest.digest())


def read(source: BinaryIO, site_key: SiteKey) -> Backup:
    """Raises Refused: backup_foreign, backup_too_new, backup_damaged, backup_sealed; OSError."""
    header = check(source)
    if _key_id_of(header) != key_id(site_key):
        raise Refused("backup_sealed")
    try:
        return _parse(_Body(_opened(source, header, site_key)))
    except (ValueError, KeyError, TypeError, struct.error) as exc:
        raise _damaged("its content is malformed") from exc


def check(source: BinaryIO) -> bytes:
    """The header of a file that is whole; the stream stands behind it. Needs no key. Raises as `read` does."""
    source.seek(0)
    header = source.read(_HEADER_BYTES)
    if not header.startswith(MAGIC):
        # What breaks off within the first word is a piece of a backup, but for the empty file nobody can say.
        raise _damaged("it breaks off") if header and MAGIC.startswith(header) else Refused("backup_foreign")
    if len(header) < _HEADER_BYTES:
        raise _damaged("it breaks off")
    version = struct.unpack_from("<H", header, len(MAGIC))[0]
    if version > VERSION:
        raise Refused(
            "backup_too_new",
            f"The backup has format {version}, this program knows {VERSION}: use a newer one.",
        )
    if version < 1:
        raise _damaged("its version never was one")
    _check_digest(source, header)
    source.seek(_HEADER_BYTES)
    return header


def key_id(site_key: SiteKey) -> bytes:
    """Tells site keys apart, and nothing about them."""
    return site_key.derive("backup-key-id")[:_KEY_ID_BYTES]


def _key_id_of(header: bytes) -> bytes:
    start = len(MAGIC) + 2
    return header[start : start + _KEY_ID_BYTES]


def _check_digest(source: BinaryIO, header: bytes) -> None:
    """The last 32 bytes are held back: where they begin is only known at the end."""
    digest = hashlib.sha256(header)
    held = b""
    while data := source.read(_READ_BYTES):
        held += data
        digest.update(held[:-_DIGEST_BYTES])
        held = held[-_DIGEST_BYTES:]
    if held != digest.digest():
        raise _damaged("its checksum is not that of its content: it was altered, or breaks off")


def _cipher(header: bytes, site_key: SiteKey) -> AESGCM:
    salt = header[-_SALT_BYTES:]
    derivation = HKDF(hashes.SHA256(), KEY_BYTES, salt=salt, info=b"portcullis.backup-file.v1")
    return AESGCM(derivation.derive(site_key.derive("backup")))


def _nonce(number: int, is_last: bool) -> bytes:
    return bytes(7) + struct.pack("<IB", number, is_last)


def _sealed(header: bytes, site_key: SiteKey, body: Iterable[bytes]) -> Iterator[bytes]:
    cipher, number, waiting = _cipher(header, site_key), 0, bytearray()

    def chunk(plain: bytes, is_last: bool) -> bytes:
        sealed = cipher.encrypt(_nonce(number, is_last), plain, header)
        return struct.pack("<I", len(sealed)) + sealed

    for part in body:
        waiting += part
        while len(waiting) > CHUNK_BYTES:  # never all of it: the last chunk says that it is
            yield chunk(bytes(waiting[:CHUNK_BYTES]), False)
            del waiting[:CHUNK_BYTES]
            number += 1
    yield chunk(bytes(waiting), True)


def _opened(source: BinaryIO, header: bytes, site_key: SiteKey) -> Iterator[bytes]:
    cipher, number, is_last = _cipher(header, site_key), 0, False
    while not is_last:
        length = struct.unpack("<I", source.read(4))[0]
        if not _TAG_BYTES <= length <= CHUNK_BYTES + _TAG_BYTES:
            raise _damaged("a chunk has an impossible length")
        sealed = source.read(length)
        plain, is_last = _open_chunk(cipher, number, sealed, header)
        yield plain
        number += 1
    if len(source.read(_DIGEST_BYTES + 1)) != _DIGEST_BYTES:
        raise _damaged("something follows its end")


def _open_chunk(cipher: AESGCM, number: int, sealed: bytes, header: bytes) -> tuple[bytes, bool]:
    for is_last in (False, True):
        try:
            return cipher.decrypt(_nonce(number, is_last), sealed, header), is_last
        except InvalidTag:
            continue
    raise _damaged("a chunk does not open: it was altered")


def _body(backup: Backup) -> Iterator[bytes]:
    info = json.dumps(asdict(backup.info)).encode()
    yield struct.pack("<I", len(info)) + info
    for item in backup.items:
        key = item.key.encode()
        yield struct.pack("<H", len(key)) + key + struct.pack("<I", len(item.value)) + item.value
        yield struct.pack("<QQ", item.create_revision, item.mod_revision)


class _Body:
    """Reads exact lengths from a stream of parts."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._held = bytearray()

    def take(self, length: int) -> bytes:
        while len(self._held) < length:
            part = next(self._parts, None)
            if part is None:
                raise _damaged("its content breaks off")
            self._held += part
        taken = bytes(self._held[:length])
        del self._held[:length]
        return taken

    def integer(self, kind: str) -> int:
        return int(struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}")))[0])

    def is_empty(self) -> bool:
        return not self._held and not any(self._parts)


def _parse(body: _Body) -> Backup:
    data = json.loads(body.take(body.integer("I")))
    info = BackupInfo(**{name: data[name] for name in BackupInfo.__dataclass_fields__})
    items = tuple(_record(body) for _ in range(info.records))
    if not body.is_empty():
        raise _damaged("it holds more than it says")
    return Backup(info, items)


def _record(body: _Body) -> KeyValue:
    key = body.take(body.integer("H")).decode()
    value = body.take(body.integer("I"))
    return KeyValue(key, value, body.integer("Q"), body.integer("Q"))


def _damaged(what: str) -> Refused:
    return Refused("backup_damaged", f"The backup is damaged: {what}. Nothing was changed; use another one.")
