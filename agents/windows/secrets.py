"""The host's key at rest: encrypted with a passphrase that Windows seals for this machine (DPAPI, machine scope).

Any process of this machine could have it unsealed, so the folder's access list is what keeps users of the machine away;
the seal keeps the key from whoever gets the disk, or a copy of the folder, without the machine.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from portcullis.errors import InvalidInput

_FILE = "passphrase.dpapi"
_MACHINE, _NO_DIALOGUE = 0x4, 0x1
_PURPOSE = b"portcullis-agent.v1"


class MachineSecret:
    """A `KeyProtection`."""

    def prepare(self, state: Path) -> None:
        """Raises OSError."""
        from agents.windows import acl

        acl.make_private(state)

    def passphrase(self, state: Path) -> bytes:
        """Made at the first call. Raises InvalidInput, OSError."""
        path = state / _FILE
        try:
            return _unseal(path.read_bytes())
        except FileNotFoundError:
            return self._make(path)

    def _make(self, path: Path) -> bytes:
        passphrase = secrets.token_hex(32).encode()
        new = path.with_name(path.name + ".new")
        new.write_bytes(_seal(passphrase))
        new.replace(path)
        return passphrase


def _seal(secret: bytes) -> bytes:
    import pywintypes
    import win32crypt

    try:
        return bytes(
            win32crypt.CryptProtectData(secret, "Portcullis", _PURPOSE, None, None, _MACHINE | _NO_DIALOGUE)
        )
    except pywintypes.error as exc:
        raise OSError(exc.winerror, exc.strerror) from exc


def _unseal(sealed: bytes) -> bytes:
    import pywintypes
    import win32crypt

    try:
        return bytes(win32crypt.CryptUnprotectData(sealed, _PURPOSE, None, None, _NO_DIALOGUE)[1])
    except pywintypes.error as exc:
        raise InvalidInput(_FILE, "a secret that this machine sealed: join again") from exc
