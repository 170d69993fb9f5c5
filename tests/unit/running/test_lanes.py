"""Checks side by side: their count, their second attempt, and the budget of all."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.running import lanes
from tests.running.counting import Count
from tests.running.lanes import Budget, Check, run_checks


@pytest.fixture(autouse=True)
def _output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "OUTPUT", tmp_path)


def python(program: str, report: Path | None = None) -> Check:
    return Check("x", (sys.executable, "-c", program), report)


def run_check(check: Check) -> Count:
    return run_checks([check])[0]


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
    assert "/no/such/tool: No such file" in capfd.readouterr().out


def test_a_runner_that_fell_over_is_a_failure_whatever_it_had_counted(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    passing = "<testsuites><testsuite><testcase/></testsuite></testsuites>"
    write = f"import pathlib; pathlib.Path({str(report)!r}).write_text({passing!r})"
    assert run_check(python(write, report)) == Count(1)
    assert run_check(python(f"{write}; raise SystemExit(3)", report)) == Count(1, 1)


def test_an_old_report_is_not_counted_again(tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text("<testsuites><testcase/></testsuites>")
    assert run_check(python("pass", report)) == Count(0, 1)


HANGS = "import time\ntry: time.sleep(600)\nfinally: print('put back', flush=True)"


def test_what_runs_when_the_budget_is_spent_is_interrupted_and_what_did_not_begin_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lanes, "LANES", 1)
    checks = [
        Check(name, (sys.executable, "-c", HANGS), seconds=seconds) for name, seconds in (("a", 2), ("b", 1))
    ]
    counts = run_checks(checks, Budget(time.monotonic() + 1))
    assert counts == [Count(0, 1)] * 2
    assert [failed.name for count in counts for failed in count.failures] == ["a", "b: not begun"]
    said = capfd.readouterr().out
    assert "a: put back" in said
    assert "a: interrupted, for the time of the whole run is over" in said


def test_the_processor_time_of_all_that_a_check_started_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    burns = "import os, time\nif os.fork() == 0:\n while time.process_time() < 0.6: pass\nelse: os.wait()"
    assert run_check(python(burns)) == Count(1)
    assert "1 s of processor time" in capfd.readouterr().out


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
    + "import pytest\n@pytest.mark.parametrize('n', range(20))\ndef test_wholly_broken(n): assert False\n"
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
    [(FAILS_ONCE, Count(2, 0, 0, 1)), (FAILS_ALWAYS, Count(1, 1)), (FAILS_WHOLLY, Count(1, 21))],
    ids=["once", "always", "wholly"],
)
def test_what_failed_is_tried_again_and_told_apart(tmp_path: Path, program: str, count: Count) -> None:
    done = run_check(pytest_check(tmp_path, program))
    assert done == count
    assert (len(done.failures), len(done.mended)) == (count.failed, count.again)


def test_checks_side_by_side_say_which_of_them_speaks(capfd: pytest.CaptureFixture[str]) -> None:
    checks = [Check(name, (sys.executable, "-c", f"print('it is {name}')")) for name in ("one", "two")]
    assert run_checks(checks) == [Count(1), Count(1)]
    said = capfd.readouterr().out
    assert "one: it is one\n" in said and "two: it is two\n" in said


def test_checks_side_by_side_run_at_the_same_time(tmp_path: Path) -> None:
    def waits(mine: str, other: str) -> Check:
        program = (
            f"import pathlib, time; pathlib.Path({str(tmp_path / mine)!r}).touch()\n"
            f"while not pathlib.Path({str(tmp_path / other)!r}).exists(): time.sleep(0.01)"
        )
        return Check(mine, (sys.executable, "-c", program))

    assert run_checks([waits("one", "two"), waits("two", "one")]) == [Count(1), Count(1)]


def test_the_longest_begin_first_and_no_more_run_than_there_are_lanes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LANES", 1)
    said = tmp_path / "order"
    write = f"import sys; open({str(said)!r}, 'a').write(sys.argv[1])"
    checks = [
        Check(name, (sys.executable, "-c", write, name), seconds=seconds)
        for name, seconds in (("a", 1), ("b", 3), ("c", 2))
    ]
    assert run_checks(checks) == [Count(1)] * 3
    assert said.read_text() == "bca"


def test_what_a_check_said_is_kept_by_its_name(tmp_path: Path) -> None:
    run_check(python("print('it is said')"))
    assert (tmp_path / "x.log").read_text() == "it is said\n"
