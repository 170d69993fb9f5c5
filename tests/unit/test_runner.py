"""The count that CI goes by."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import runner
from tests.runner import Check, Count, read_report, run_check

MIXED = """<testsuites><testsuite tests="4">
<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><error/></testcase>
<testcase name="d"><skipped/></testcase></testsuite></testsuites>"""


@pytest.fixture(autouse=True)
def _output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "OUTPUT", tmp_path)


def python(program: str, report: Path | None = None) -> Check:
    return Check("x", (sys.executable, "-c", program), report)


def test_the_last_line_has_its_form() -> None:
    assert str(Count(12, 0)) == "12 passed, 0 failed"
    assert str(Count(12, 1) + Count(0, 1, 3)) == "12 passed, 2 failed, 3 skipped"


def test_cases_are_counted_errors_as_failures(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(MIXED)
    assert read_report(tmp_path / "r.xml") == Count(1, 2, 1)


@pytest.mark.parametrize("content", [None, "", "<testsuites>", "nonsense"])
def test_a_missing_or_cut_report_counts_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "r.xml").write_text(content)
    assert read_report(tmp_path / "r.xml") == Count()


@pytest.mark.parametrize(
    ("program", "count"),
    [
        ("pass", Count(1)),
        ("raise SystemExit(1)", Count(0, 1)),
        ("import os; os.kill(os.getpid(), 9)", Count(0, 1)),
    ],
)
def test_a_command_without_a_report_counts_as_one(program: str, count: Count) -> None:
    assert run_check(python(program)) == count


def test_a_missing_command_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_check(Check("x", ("/no/such/tool",))) == Count(0, 1)
    assert "/no/such/tool: No such file" in capfd.readouterr().err


def test_a_runner_that_fell_over_is_a_failure_whatever_it_had_counted(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    passing = "<testsuites><testsuite><testcase/></testsuite></testsuites>"
    write = f"import pathlib; pathlib.Path({str(report)!r}).write_text({passing!r})"
    assert run_check(python(write, report)) == Count(1)
    assert run_check(python(f"{write}; raise SystemExit(3)", report)) == Count(1, 1)


def test_an_old_report_is_not_counted_again(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text(MIXED)
    assert run_check(python("pass", report)) == Count(0, 1)


def test_a_command_that_hangs_is_ended(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "CHECK_DEADLINE_SECONDS", 0.01)
    assert run_check(python("import time; time.sleep(600)")) == Count(0, 1)
    assert "not done after" in capfd.readouterr().err


def test_a_number_behind_fuzz_is_no_suite() -> None:
    assert runner.without_seconds(["lint", "fuzz", "5", "unit"]) == ["lint", "fuzz", "unit"]
    assert runner.without_seconds(["faults", "600"]) == ["faults"]
    assert runner.without_seconds(["5", "fuzz"]) == ["5", "fuzz"]


def test_the_seconds_of_a_suite_stand_behind_it() -> None:
    assert runner.seconds_behind("faults", ["unit", "faults", "600"]) == "600"
    assert runner.seconds_behind("faults", ["600", "faults"]) is None


FAILS_ONCE = """
import pathlib
BEFORE = pathlib.Path(__file__).with_name("before")
def test_sound(): assert True
def test_unlucky():
    is_second = BEFORE.exists()
    BEFORE.touch()
    assert is_second
"""
FAILS_ALWAYS = "def test_sound(): assert True\ndef test_broken(): assert False\n"
FAILS_WHOLLY = (
    FAILS_ALWAYS
    + "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_wholly_broken(n): assert False\n"
)


def pytest_check(tmp_path: Path, program: str) -> Check:
    (tmp_path / "test_it.py").write_text(program)
    options = (
        f"--junitxml={tmp_path / 'r.xml'}",
        "-o",
        f"cache_dir={tmp_path / 'cache'}",
        f"--rootdir={tmp_path}",
    )
    command = (sys.executable, "-m", "pytest", "-q", *options, str(tmp_path / "test_it.py"))
    return Check("x", command, tmp_path / "r.xml", (*command, "--last-failed"))


@pytest.mark.parametrize(
    ("program", "count"),
    [(FAILS_ONCE, Count(2, 0, 0, 1)), (FAILS_ALWAYS, Count(1, 1)), (FAILS_WHOLLY, Count(1, 10))],
    ids=["once", "always", "wholly"],
)
def test_what_failed_is_tried_again_and_told_apart(tmp_path: Path, program: str, count: Count) -> None:
    assert run_check(pytest_check(tmp_path, program)) == count


def test_a_second_attempt_is_told_in_the_last_line() -> None:
    assert str(Count(12, 0, 0, 1)) == "12 passed, 0 failed, 1 at the second attempt"


def test_checks_side_by_side_say_which_of_them_speaks(capfd: pytest.CaptureFixture[str]) -> None:
    checks = [Check(name, (sys.executable, "-c", f"print('it is {name}')")) for name in ("one", "two")]
    assert runner.run_checks(checks) == [Count(1), Count(1)]
    said = capfd.readouterr().out
    assert "one: it is one\n" in said and "two: it is two\n" in said


def test_checks_side_by_side_run_at_the_same_time(tmp_path: Path) -> None:
    def waits(mine: str, other: str) -> Check:
        program = (
            f"import pathlib, time; pathlib.Path({str(tmp_path / mine)!r}).touch()\n"
            f"while not pathlib.Path({str(tmp_path / other)!r}).exists(): time.sleep(0.01)"
        )
        return Check(mine, (sys.executable, "-c", program))

    assert runner.run_checks([waits("one", "two"), waits("two", "one")]) == [Count(1), Count(1)]


def test_the_longest_begin_first_and_no_more_run_than_there_are_lanes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LANES", 1)
    said = tmp_path / "order"
    write = f"import sys; open({str(said)!r}, 'a').write(sys.argv[1])"
    checks = [
        Check(name, (sys.executable, "-c", write, name), seconds=seconds)
        for name, seconds in (("a", 1), ("b", 3), ("c", 2))
    ]
    assert runner.run_checks(checks) == [Count(1)] * 3
    assert said.read_text() == "bca"


def test_what_a_check_said_is_kept_by_its_name(tmp_path: Path) -> None:
    run_check(python("print('it is said')"))
    assert (tmp_path / "x.log").read_text() == "it is said\n"


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
