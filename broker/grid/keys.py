"""Where records lie: `/p/v1/<scope>/<segment>/...`, the scope being `site` or `t/<tenant id>` (docs/grid.md).

A path is a tuple of segments; nothing else becomes a key, so that no path can leave its scope. The first
segment is the record's *kind*.
"""

from __future__ import annotations

import re
import sys

from portcullis.ids import ID_PATTERN, is_id

Path = tuple[str, ...]

ROOT = "/p/v1/"
SITE = "site"

HISTORY = "history"
HISTORY_KINDS = frozenset(
    {"tenant", "host", "gateway", "user", "group", "policy", "application", "token", "role", "label"}
)
"""Configuration whose every write is kept. Name indices follow from their records, icons are named by their
content, and a key that was deleted must be gone."""

NOT_IN_SNAPSHOT = frozenset(
    {
        HISTORY,
        "attempts",
        "change-items",
        "enrolment",
        "icon",
        "logo",
        "nonce",
        "recovery",
        "ticket",
        "trace",
        "vault",
    }
)
"""Read from the grid when they are needed. Strangers make `attempts`, `nonce` and `trace` as they like; secrets that
hardly anybody asks for stay out of memory."""

_SEGMENT = re.compile(r"[a-z0-9.-]{1,128}")
_KEY = re.compile(
    rf"{ROOT}(?:{SITE}|t/(?P<tenant>{ID_PATTERN.pattern}))/(?P<path>{_SEGMENT.pattern}(?:/{_SEGMENT.pattern})*)"
)


class InvalidPath(ValueError):
    """A path with a segment that no key may have. What users send is checked before it becomes one."""


def prefix(scope: str) -> str:
    """Of every key of the scope. Raises InvalidPath unless it is `site` or a tenant id."""
    if scope == SITE:
        return f"{ROOT}{SITE}/"
    if not is_id(scope):
        raise InvalidPath(f"not a scope: {scope!r}")
    return f"{ROOT}t/{scope}/"


def key(scope: str, path: Path) -> str:
    """Raises InvalidPath."""
    if not isinstance(path, tuple) or not path:
        raise InvalidPath(f"not a path: {path!r}")
    for segment in path:
        _check_segment(segment)
    return prefix(scope) + "/".join(path)


def parse(text: str) -> tuple[str, Path] | None:
    """The scope and path of a key, or None for what no scope wrote."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    segments = found["path"].split("/")
    if not all(segment.strip(".") for segment in segments):
        return None
    shared = [sys.intern(segment) for segment in segments[:-1]]  # kinds and hosts stand in many paths
    return sys.intern(found["tenant"] or SITE), (*shared, segments[-1])


def _check_segment(segment: str) -> None:
    if not isinstance(segment, str) or not _SEGMENT.fullmatch(segment) or not segment.strip("."):
        raise InvalidPath(f"not a segment of a path: {segment!r}")
