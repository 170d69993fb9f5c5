"""Findings as they are printed: what is wrong first, each with its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from portcullis.cli.output import safe, wrapped
from portcullis.doctor.finding import SEVERITIES, Finding, Severity

_LABELS: dict[Severity, str] = {
    "problem": "PROBLEM",
    "warning": "warning",
    "notice": "notice",
    "ok": "ok",
    "unseen": "not seen",
}
_INDENT = " " * 11


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The gravest first; those of equal weight as they were found."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def text(subject: str, findings: Sequence[Finding]) -> str:
    lines = [f"Portcullis doctor: {subject}", ""]
    for finding in in_order(findings):
        first, *rest = wrapped(safe(finding.what), _INDENT)
        lines += [f"{_LABELS[finding.severity]:>9}  {first.strip()}", *rest]
        if finding.remedy:
            first, *rest = wrapped(safe(finding.remedy), _INDENT + "   ")
            lines += [f"{_INDENT}-> {first.strip()}", *rest]
    return "\n".join((*lines, "", summary(findings)))


def summary(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    names: tuple[tuple[Severity, str], ...] = (
        ("problem", "problem"),
        ("warning", "warning"),
        ("notice", "notice"),
        ("ok", "ok"),
        ("unseen", "not seen"),
    )
    plural = ("problem", "warning", "notice")
    return ", ".join(
        f"{counts[severity]} {name}{'s' if name in plural and counts[severity] != 1 else ''}"
        for severity, name in names
    )


def as_object(subject: str, findings: Sequence[Finding]) -> dict[str, Any]:
    counts = Counter(finding.severity for finding in findings)
    return {
        "subject": subject,
        "healthy": not counts["problem"],
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "findings": [finding.to_json() for finding in in_order(findings)],
    }
