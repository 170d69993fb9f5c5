"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Severity = Literal["problem", "warning", "notice", "ok", "unseen"]
"""`problem`: something does not work, or will not for long. `warning`: it is weaker or nearer to failing than it should
be. `notice`: a default was left on purpose, or somebody should know. `unseen`: it could not be looked at."""
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is a stable name for scripts; `what` and `remedy` are for people."""

    check: str
    severity: Severity
    what: str
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"check": self.check, "severity": self.severity, "what": self.what, "remedy": self.remedy}


def problem(check: str, what: str, remedy: str) -> Finding:
    return Finding(check, "problem", what, remedy)


def warning(check: str, what: str, remedy: str) -> Finding:
    return Finding(check, "warning", what, remedy)


def notice(check: str, what: str, remedy: str) -> Finding:
    return Finding(check, "notice", what, remedy)


def ok(check: str, what: str) -> Finding:
    return Finding(check, "ok", what)


def unseen(check: str, what: str, remedy: str) -> Finding:
    return Finding(check, "unseen", what, remedy)
