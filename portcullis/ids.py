"""Identifiers and bearer secrets: how they are made, how they read.

An id is 16 lowercase hex digits and no secret. A bearer secret reads `<kind>_<scope id>_<64 hex>`: the scope id
(tenant, or site for join tokens) only chooses where to look; the SHA-256 of the whole text is stored and decides.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass

ID_PATTERN = re.compile(r"[0-9a-f]{16}")
_SECRET_PATTERN = re.compile(r"(api|login|ticket|join|enrol)_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)


def new_id() -> str:
    return secrets.token_hex(8)


def is_id(text: str) -> bool:
    return ID_PATTERN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class BearerSecret:
    """A secret that grants what its record says to whoever holds it. Its text never stands in logs or reprs."""

    kind: str
    scope: str
    text: str

    def __repr__(self) -> str:
        return f"BearerSecret({self.kind}_{self.scope}_…)"

    __str__ = __repr__

    @property
    def hash(self) -> str:
        """SHA-256 of the text, 64 hex: the last segment of the record's key."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()


def new_secret(kind: str, scope: str) -> BearerSecret:
    return BearerSecret(kind, scope, f"{kind}_{scope}_{secrets.token_hex(32)}")


def parse_secret(text: str, kind: str) -> BearerSecret | None:
    """The secret of this kind, or None when the text is not one (whatever the reason)."""
    match = _SECRET_PATTERN.fullmatch(text)
    if match is None or match.group(1) != kind:
        return None
    return BearerSecret(kind, match.group(2), text)


def name_hash(name: str) -> str:
    """The key segment that makes a name unique, whatever its case and Unicode form."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return hashlib.sha256(folded.encode()).hexdigest()
