"""Titles of windows, which applications write as they like."""

from __future__ import annotations

import unicodedata

MAXIMUM_TITLE_BYTES = 1024


def clean_title(title: str) -> str:
    """Without control and formatting characters, which could forge what stands beside it; at most 1024 bytes."""
    printable = "".join(c for c in title if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return printable.encode()[:MAXIMUM_TITLE_BYTES].decode(errors="ignore")
