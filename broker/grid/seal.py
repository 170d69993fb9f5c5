"""Sealing: what the grid's store and its backups hold opens only with the site key, and only at its own
place.

    sealed = 0x01 | nonce[12] | AES-256-GCM(key, nonce, plain, "portcullis-seal.v1" 0x00 <grid key>)

The grid key is authenticated with the value, so that a value moved to another key, kind or tenant does not
open. Each tenant has a data key of its own, kept sealed under the site's; the site's own values have one
derived from the site key (HKDF-SHA256). Nonces are random: a data key is good for 2^32 values (NIST SP
800-38D 8.3).
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.grid.grid import GridError
from portcullis.errors import InvalidInput

KEY_BYTES = 32
_FORMAT = b"\x01"
_NONCE_BYTES = 12


class SealBroken(GridError):
    """A value does not open: another site key, another place, or altered."""

    code = "grid_sealed"


class SiteKey:
    """The one secret that a broker's disk holds. Its bytes never stand in logs or reprs."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a site key has {KEY_BYTES} bytes")
        self._raw = raw

    def __repr__(self) -> str:
        return "SiteKey(…)"

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, from which neither the site key nor another purpose's can be computed."""
        derivation = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"portcullis.{purpose}.v1".encode())
        return derivation.derive(self._raw)

    @classmethod
    def create(cls, path: Path) -> SiteKey:
        """A new key in a new file, mode 0400. Raises InvalidInput when the file exists or cannot be made."""
        raw = secrets.token_bytes(KEY_BYTES)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o400)
            with os.fdopen(handle, "w") as file:
                file.write(raw.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise InvalidInput(str(path), f"a new file for the site key ({exc.strerror})") from exc
        return cls(raw)

    @classmethod
    def load(cls, path: Path) -> SiteKey:
        """Raises InvalidInput when the file is missing, open to others or holds something else."""
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise InvalidInput(str(path), "a site key that only its owner may read (chmod 0400)")
                text = file.read(1024)
        except OSError as exc:
            raise InvalidInput(str(path), f"a readable site key ({exc.strerror})") from exc
        try:
            return cls(bytes.fromhex(text.decode("ascii").strip()))
        except ValueError as exc:
            raise InvalidInput(str(path), f"a site key: {2 * KEY_BYTES} hex digits") from exc


class Seal:
    """Seals values under one key, and opens them under that or one of `others`: a key that is being changed."""

    def __init__(self, raw_key: bytes, *others: bytes) -> None:
        self._cipher = AESGCM(raw_key)
        self._others = tuple(map(AESGCM, others))

    def __repr__(self) -> str:
        return "Seal(…)"

    def seal(self, grid_key: str, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plain, _place(grid_key))

    def open(self, grid_key: str, sealed: bytes) -> bytes:
        """Raises SealBroken."""
        start = len(_FORMAT) + _NONCE_BYTES
        if not sealed.startswith(_FORMAT):
            raise SealBroken(f"the value of {grid_key} is of an unknown format")
        nonce, place = sealed[len(_FORMAT) : start], _place(grid_key)
        for cipher in (self._cipher, *self._others):
            try:
                return cipher.decrypt(nonce, sealed[start:], place)
            except (InvalidTag, ValueError):
                continue
        raise SealBroken(f"the value of {grid_key} does not open with this site key")


def _place(grid_key: str) -> bytes:
    return b"portcullis-seal.v1\0" + grid_key.encode()
