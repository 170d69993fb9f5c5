"""What was revoked, as brokers wrote it down while it happened (`<state>/revocations.jsonl`), read for a restore.
Pure.

One JSON object a line: `time`, `epoch` (of the site), `kind`, `tenant` (an id, or "site"), `id`. A broker writes what
it sees in its watch, so a site with several brokers has several journals that say the same; they are read together. A
line that broke off (the broker was killed while it wrote), and a kind that this program does not know, are counted
and passed over: the rest still counts.

A journal that is damaged in the middle would hide revocations, so everything else that is no entry is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portcullis.errors import Refused

KINDS = frozenset(
    {
        "user_disabled",
        "user_enabled",
        "user_deleted",
        "credentials_voided",
        "token_revoked",
        "recovery_code_used",
        "machine_revoked",
        "key_retired",
        "tenant_deleted",
        "everything",
        "login",
        "user",
        "session",
    }
)
KEPT_SINCE = "kept_since"
"""Not a revocation: what was revoked before this time was cut off (`broker.revocation.keeping`)."""
MAXIMUM_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    time: float
    epoch: int
    kind: str
    tenant: str
    id: str
    credential: str = field(default="", repr=False)
    """Of `credentials_voided`: `credential_digest` of what is void."""
    code: str = ""
    """Why, where a connection is told."""


@dataclass(frozen=True, slots=True)
class Journal:
    entries: tuple[Entry, ...]
    """In the order of their epochs and times. What two brokers saw stands there twice."""
    broken: int = 0
    """Last lines that broke off."""
    unknown: int = 0
    """Entries of kinds that only a newer program knows."""
    kept_since: float = 0.0
    """Backups of before need more than the journals hold. Of several brokers one that reaches back far enough does."""


def credential_digest(user: Mapping[str, Any]) -> str:
    """Names what a user record lets sign in with, without giving anything of it away: it holds 128 random bits or more.
    The factor, which is never changed without the password; the password's hash alone is renewed at a sign-in now and
    then. Empty for who has neither."""
    secret = str(user.get("totp_secret") or user.get("password_hash") or "")
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


def parse(*texts: bytes) -> Journal:
    """Of the journals of all brokers. Raises Refused("journal_damaged")."""
    entries: list[Entry] = []
    broken = unknown = 0
    begins: list[float] = []
    for text in texts:
        begin = 0.0
        lines = text.split(b"\n")
        complete, rest = lines[:-1], lines[-1]
        broken += bool(rest.strip())
        for number, line in enumerate(complete, 1):
            if line.strip(b" \t\r\0"):
                entry = _entry(line, number)
                if entry.kind == KEPT_SINCE:
                    begin = max(begin, entry.time)
                    continue
                unknown += entry.kind not in KINDS
                entries.append(entry)
        begins.append(begin)
    known = sorted((e for e in entries if e.kind in KINDS), key=lambda e: (e.epoch, e.time))
    return Journal(tuple(known), broken, unknown, min(begins, default=0.0))


def _entry(line: bytes, number: int) -> Entry:
    try:
        if len(line) > MAXIMUM_LINE_BYTES:
            raise ValueError("too long")
        data = json.loads(line)
        return Entry(
            time=float(data["time"]),
            epoch=int(data.get("epoch", 0)),
            kind=_text(data["kind"]),
            tenant=_text(data.get("tenant", "")),
            id=_text(data.get("id", "")),
            credential=_text(data.get("credential", "")),
            code=_text(data.get("code", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        raise Refused(
            "journal_damaged", f"Line {number} of a journal is no entry. Nothing was changed."
        ) from exc


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def since(entries: Iterable[Entry], *, epoch: int, created: float, margin_seconds: float) -> Sequence[Entry]:
    """Those that a backup of this epoch and moment may not hold yet; brokers' clocks differ by the margin at most."""
    return [
        entry
        for entry in entries
        if entry.epoch > epoch or (entry.epoch == epoch and entry.time >= created - margin_seconds)
    ]
