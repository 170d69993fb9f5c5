"""What checks count: JUnit reports of pytest and of node, and the names of what failed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]


LONGEST_REASON = 300
"""Characters of what a test said when it failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    name: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name}\n    {self.why}" if self.why else self.name


@dataclass(frozen=True, slots=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    again: int = 0
    """Of those that passed, how many did so at the second attempt."""
    failures: tuple[Failure, ...] = field(default=(), compare=False)
    mended: tuple[Failure, ...] = field(default=(), compare=False)
    """Of the first attempt, where the second passed."""

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.again + other.again,
            self.failures + other.failures,
            self.mended + other.mended,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        again = f", {self.again} at the second attempt" if self.again else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}{again}"


def failure(name: str) -> Count:
    return Count(failed=1, failures=(Failure(name),))


def read_report(report: Path, check: str = "") -> Count:
    """The cases of a JUnit report: nothing when it is missing or cut short. `check` names those of no known file."""
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return Count()
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    failures = {name: Failure(name, why_of(case)) for case in failed for name in [name_of(case, check)]}
    return Count(len(cases) - len(failed) - skipped, len(failed), skipped, failures=tuple(failures.values()))


def why_of(case: ElementTree.Element) -> str:
    """In one line: where and what it raised."""
    told = next(each for kind in ("failure", "error") if (each := case.find(kind)) is not None)
    ends = (told.text or "").strip().rpartition("\n")[2]
    place = " ".join(re.findall(r"^\S+:\d+: ", ends))
    return f"{place}{' '.join(told.get('message', '').split())}"[:LONGEST_REASON].strip()


def name_of(case: ElementTree.Element, check: str) -> str:
    """As pytest takes it: pytest writes `tests.unit.test_it.TestClass`, node the file itself, or none."""
    words = [word for word in case.get("classname", "").split(".") if word]
    for end in range(len(words), 0, -1):
        path = Path(*words[:end]).with_suffix(".py")
        if (CLONE / path).is_file():
            return "::".join([str(path), *words[end:], case.get("name", "")])
    place = case.get("file") or check
    return f"{place.removeprefix(f'{CLONE}/')}::{case.get('name', '')}"
