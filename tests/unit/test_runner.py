"""The suites, and what CI is told at the end."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests import runner
from tests.running import lanes
from tests.running.counting import Count, Failure, failure
from tests.running.lanes import Check


@pytest.fixture(autouse=True)
def _output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "OUTPUT", tmp_path)


def test_a_number_behind_fuzz_is_no_suite() -> None:
    assert runner.without_seconds(["lint", "fuzz", "5", "unit"]) == ["lint", "fuzz", "unit"]
    assert runner.without_seconds(["faults", "600"]) == ["faults"]
    assert runner.without_seconds(["5", "fuzz"]) == ["5", "fuzz"]


def test_the_seconds_of_a_suite_stand_behind_it() -> None:
    assert runner.seconds_behind("faults", ["unit", "faults", "600"]) == "600"
    assert runner.seconds_behind("faults", ["600", "faults"]) is None


def test_what_failed_is_named_at_the_end_and_only_so_many(capfd: pytest.CaptureFixture[str]) -> None:
    runner.tell_failed(sum((failure(f"test {number}") for number in range(45)), Count()))
    said = capfd.readouterr().out.splitlines()
    assert said[:2] == ["=== failed:", "test 0"]
    assert said[-2:] == ["test 39", "and 5 more"]


def test_what_passed_at_the_second_attempt_says_why_it_had_failed(capfd: pytest.CaptureFixture[str]) -> None:
    runner.tell_failed(Count(1, again=1, mended=(Failure("test x", "tests/x.py:3: not in time"),)))
    assert capfd.readouterr().out.splitlines() == [
        "=== at the second attempt:",
        "test x",
        "    tests/x.py:3: not in time",
    ]


def test_what_was_installed_before_is_part_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_BEGAN", str(int(time.time() - 600)))
    assert 0 < runner.BUDGET_SECONDS - runner.budget().left - 600 < 60


def test_nothing_runs_beside_a_suite_that_measures(tmp_path: Path) -> None:
    def suite(name: str, alone: bool) -> runner.Suite:
        program = (
            f"import pathlib; here = pathlib.Path({str(tmp_path)!r}); (here / '{name}.begun').touch()\n"
            "assert len(list(here.glob('*.begun'))) == 1 + len(list(here.glob('*.ended')))\n"
            f"(here / '{name}.ended').touch()"
        )
        return runner.Suite(
            name, "", lambda: [Check(name, (sys.executable, "-c", program))], lambda: True, alone=alone
        )

    assert runner.run_suites([suite("one", True), suite("two", False), suite("three", True)]) == Count(3)


def test_what_is_needed_first_runs_once_for_all_suites(tmp_path: Path) -> None:
    said = tmp_path / "said"
    write = f"open({str(said)!r}, 'a').write('x')"
    needed = [Check("needed", (sys.executable, "-c", write))]
    reads = f"assert open({str(said)!r}).read() == 'x'"
    suites = [
        runner.Suite(
            name,
            "",
            lambda name=name: [Check(name, (sys.executable, "-c", reads))],
            lambda: True,
            first=lambda: needed,
        )
        for name in ("one", "two")
    ]
    assert runner.run_suites(suites) == Count(3)
