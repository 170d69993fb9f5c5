"""Runs the suites and counts: `python tests/runner.py [SUITE...]`, called by tests/run.sh.

A suite is a list of checks. Pytest and node write JUnit reports, whose cases are counted; any other command
counts as one. Output passes through as it comes; checks that run side by side put their name before each line. The
last line is `N passed, N failed`, with `, N skipped` and `, N at the second attempt` if there are any: tests of real
processes that failed are run once more, by themselves, while they are few (docs/decisions/0022-second-attempt.md).
Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
OUTPUT = CLONE / "tests/output"
WEB_CLIENT = CLONE / "web_client"
PYTHON_CODE = ("portcullis", "broker", "gateway", "agents", "web_client", "tests", "deploy")
SUITE_DEADLINE_SECONDS = 20 * 60
MOST_TRIED_AGAIN = 3
"""More failures of one check have another reason than a busy machine."""
_SOME_FAILED = 1
"""Pytest's exit status for that and nothing worse."""


@dataclass(frozen=True, slots=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    again: int = 0
    """Of those that passed, how many did so at the second attempt."""

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.again + other.again,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        again = f", {self.again} at the second attempt" if self.again else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}{again}"


@dataclass(frozen=True, slots=True)
class Check:
    """A command of a suite. With a `report` (JUnit) its cases count, without one its exit status does."""

    name: str
    command: tuple[str, ...]
    report: Path | None = None
    again: tuple[str, ...] = ()
    """What runs those tests once more that failed; its report is the same file. Empty: a failure stands."""


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    about: str
    checks: Callable[[], list[Check]]
    exists: Callable[[], bool]
    always: bool = True
    """Whether it runs when no suite is named."""
    side_by_side: bool = False
    """Its checks mostly wait, so they run at the same time."""


def pytest_suite(name: str, about: str, *, apart: tuple[str, ...] = (), tries_again: bool = False) -> Suite:
    """`apart`: the name of a lane, and the folders that run in it beside the rest."""
    folder = CLONE / "tests" / name

    def check(lane: str, paths: Sequence[str]) -> Check:
        report, cache = OUTPUT / f"{lane}.xml", OUTPUT / "cache" / lane
        shutil.rmtree(cache, ignore_errors=True)  # it says what failed: nothing from another time
        options = (
            "-v",
            "--durations=5",
            f"--junitxml={report}",
            "-o",
            f"cache_dir={cache}",
        )
        command = (sys.executable, "-m", "pytest", *options, *paths)
        again = (*command, "--last-failed", "--last-failed-no-failures=none")
        return Check(lane, command, report, again if tries_again else ())

    def checks() -> list[Check]:
        if not apart:
            return [check(name, [str(folder)])]
        lane, *folders = apart
        others = [f"--ignore={folder / each}" for each in folders]
        return [
            check(f"{name}-{lane}", [str(folder / each) for each in folders]),
            check(name, [str(folder), *others]),
        ]

    return Suite(name, about, checks, lambda: any(folder.rglob("test_*.py")), side_by_side=bool(apart))


def lint_checks() -> list[Check]:
    python = (sys.executable, "-m")
    checks = [
        Check("ruff check", (*python, "ruff", "check", *PYTHON_CODE)),
        Check("ruff format", (*python, "ruff", "format", "--check", *PYTHON_CODE)),
        Check("mypy", (*python, "mypy")),
        Check("import contracts", (str(Path(sys.executable).parent / "lint-imports"), "--no-cache")),
        Check("shellcheck", (tool("shellcheck"), "--external-sources", *shell_scripts())),
    ]
    if (WEB_CLIENT / "tsconfig.json").exists():
        checks.append(Check("client's tools", install_client_tools()))
        checks.append(Check("tsc", (str(WEB_CLIENT / "node_modules/.bin/tsc"), "-p", str(WEB_CLIENT))))
    return checks


def shell_scripts() -> list[str]:
    return [".ci/run", *sorted(str(path.relative_to(CLONE)) for path in CLONE.glob("[dt]e*/*.sh"))]


def web_checks() -> list[Check]:
    report = OUTPUT / "web.xml"
    reporters = (
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        "--test-reporter=junit",
        f"--test-reporter-destination={report}",
    )
    return [
        Check("client's tools", install_client_tools()),
        Check("zstd decoder", (sys.executable, "-m", "web_client.fetch")),
        Check("web", (tool("node"), "--test", *reporters, *web_tests()), report),
    ]


def web_tests() -> list[str]:
    return sorted(str(path.relative_to(CLONE)) for path in (CLONE / "tests/web").rglob("*.test.js"))


def bench_checks() -> list[Check]:
    """All benches; tests/run.sh takes `bench NAME` and its options to tests/bench itself."""
    return [Check("bench", (sys.executable, "-m", "tests.bench"))]


def fuzz_checks() -> list[Check]:
    """Each parser for as many seconds as the number behind `fuzz` says, or 60."""
    seconds = seconds_behind("fuzz", sys.argv[1:]) or "60"
    listing = (sys.executable, "-c", "from tests.fuzz.targets import TARGETS; print(*TARGETS)")
    names = subprocess.run(listing, cwd=CLONE, capture_output=True, text=True, check=True).stdout.split()
    return [
        Check(f"fuzz {name}", (sys.executable, "-m", "tests.fuzz", name, "--seconds", seconds))
        for name in names
    ]


def seconds_behind(suite: str, words: list[str]) -> str | None:
    return next((w for at, w in enumerate(words) if w.isdecimal() and words[at - 1 : at] == [suite]), None)


def without_seconds(words: list[str]) -> list[str]:
    timed = (["fuzz"], ["faults"])
    return [word for at, word in enumerate(words) if not (word.isdecimal() and words[at - 1 : at] in timed)]


def install_client_tools() -> tuple[str, ...]:
    """TypeScript and the like, as locked; nothing to do when the installed lock is the committed one."""
    locked = WEB_CLIENT / "package-lock.json"
    installed = WEB_CLIENT / "node_modules/.package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= locked.stat().st_mtime:
        return ("true",)
    return (tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(WEB_CLIENT))


def tool(name: str) -> str:
    """Its path; the bare name where it is missing, so that its check fails and says so."""
    return shutil.which(name) or name


SUITES = (
    Suite("lint", "style, formatting, types and import contracts", lint_checks, lambda: True),
    pytest_suite("unit", "pure logic, without processes or sockets"),
    Suite(
        "web",
        "the HTML5 client's modules, in node",
        web_checks,
        lambda: any(CLONE.glob("tests/web/**/*.test.js")),
    ),
    pytest_suite(
        "integration",
        "parts against real sockets, processes and displays",
        apart=("displays", "web_client", "keyboard", "agents", "abuse", "abuse_host"),
        tries_again=True,
    ),
    pytest_suite(
        "faults", "a cluster under kills and freezes, its histories judged; `faults SECONDS` goes on longer"
    ),
    pytest_suite(
        "e2e", "the whole system in a real browser (needs root: it makes accounts)", tries_again=True
    ),
    Suite(
        "fuzz",
        "every parser under atheris, `fuzz SECONDS` each; only when named",
        fuzz_checks,
        lambda: True,
        always=False,
    ),
    Suite(
        "bench",
        "measurements beside a peer or a limit; only when named",
        bench_checks,
        lambda: True,
        always=False,
    ),
)


def main() -> int:
    suites = {suite.name: suite for suite in SUITES if suite.exists()}
    listing = "\n".join(f"  {suite.name:<12} {suite.about}" for suite in suites.values())
    parser = argparse.ArgumentParser(
        prog="tests/run.sh",
        description="Runs the suites named, or all of them.",
        epilog=f"suites:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "suites", metavar="SUITE", nargs="*", help="which to run; a number behind fuzz or faults: seconds"
    )
    given = parser.parse_args().suites
    named = without_seconds(given) or [suite.name for suite in suites.values() if suite.always]
    if unknown := set(named) - set(suites):
        parser.error(f"no such suite: {min(unknown)}")
    os.environ.setdefault("FAULT_SECONDS", seconds_behind("faults", given) or "0")
    os.chdir(CLONE)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    # What a shell starts in the background ignores interrupts, and so would all that is started from here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    total = sum((run_suite(suites[name]) for name in dict.fromkeys(named)), Count())
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


def run_suite(suite: Suite) -> Count:
    count = Count()
    started = time.monotonic()
    checks = suite.checks()
    groups = [checks] if suite.side_by_side else [[check] for check in checks]
    for group in groups:
        print(f"\n=== {suite.name}: {', '.join(check.name for check in group)}", flush=True)
        for check, result in zip(group, run_checks(group), strict=True):
            print(f"--- {check.name}: {result}", flush=True)
            count += result
    print(f"=== {suite.name}: {count} in {time.monotonic() - started:.0f} s", flush=True)
    return count


def run_check(check: Check) -> Count:
    return run_checks([check])[0]


def run_checks(checks: Sequence[Check]) -> list[Count]:
    """All at the same time, if there are several; what failed, again one by one."""
    for check in checks:
        if check.report is not None:
            check.report.unlink(missing_ok=True)
    statuses = run([check.command for check in checks], [check.name for check in checks])
    counts = []
    for check, status in zip(checks, statuses, strict=True):
        first = count_of(check, status)
        is_worth_it = check.again and status == _SOME_FAILED and first.failed <= MOST_TRIED_AGAIN
        counts.append(second_attempt(check, first) if is_worth_it else first)
    return counts


def count_of(check: Check, status: int) -> Count:
    if check.report is None:
        return Count(passed=1) if status == 0 else Count(failed=1)
    count = read_report(check.report)
    # A runner that fell over, or found nothing, is a failure of its own.
    if (status != 0 and not count.failed) or not (count.passed or count.skipped):
        print(f"{check.name}: exit status {status}", file=sys.stderr)
        count += Count(failed=1)
    return count


def second_attempt(check: Check, first: Count) -> Count:
    """`first`, with those that pass now counted so: exactly those that failed must have run."""
    assert check.report is not None
    print(
        f"\n=== {check.name}: {first.failed} failed, and {'is' if first.failed == 1 else 'are'} run again",
        flush=True,
    )
    check.report.rename(check.report.with_suffix(".first.xml"))
    status = run([check.again], [check.name])[0]
    second = count_of(replace(check, command=check.again), status)
    if second.passed + second.failed != first.failed or second.skipped:
        print(f"{check.name}: the second attempt ran {second}", file=sys.stderr)
        return first
    return Count(first.passed + second.passed, second.failed, first.skipped, second.passed)


def run(commands: Sequence[tuple[str, ...]], names: Sequence[str]) -> list[int]:
    """The exit status of each, in a process group of its own, which a deadline ends."""
    is_alone = len(commands) == 1
    started: list[subprocess.Popen[bytes] | None] = []
    try:
        for command, name in zip(commands, names, strict=True):
            started.append(start(command, None if is_alone else name))
        speaking = [] if is_alone else speak(started, names)
        deadline = time.monotonic() + SUITE_DEADLINE_SECONDS
        statuses = [127 if process is None else wait(process, deadline) for process in started]
        for thread in speaking:
            thread.join(5)  # what a test left running may hold the pipe
        return statuses
    except BaseException:  # whatever ends the runner ends what it runs
        for process in started:
            if process is not None and process.poll() is None:
                end(process)
        raise


def start(command: tuple[str, ...], label: str | None) -> subprocess.Popen[bytes] | None:
    output = None if label is None else subprocess.PIPE
    try:
        process = subprocess.Popen(
            command,
            cwd=CLONE,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if label is None else subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as exc:
        print(f"{command[0]}: {exc.strerror}", file=sys.stderr)
        return None
    return process


def speak(
    processes: Sequence[subprocess.Popen[bytes] | None], names: Sequence[str]
) -> list[threading.Thread]:
    pairs = [(process, name) for process, name in zip(processes, names, strict=True) if process is not None]
    threads = [threading.Thread(target=pass_through, args=pair, daemon=True) for pair in pairs]
    for thread in threads:
        thread.start()
    return threads


def pass_through(process: subprocess.Popen[bytes], label: str) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            text = f"{label}: {line.decode(errors='replace')}"
            print(text if text.endswith("\n") else f"{text}\n", end="", flush=True)


def wait(process: subprocess.Popen[bytes], deadline: float) -> int:
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        print(f"{process.args[0]}: not done after {SUITE_DEADLINE_SECONDS} s", file=sys.stderr)  # type: ignore[index]
        return end(process)


def end(process: subprocess.Popen[bytes]) -> int:
    os.killpg(process.pid, signal.SIGINT)
    try:
        return process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def read_report(report: Path) -> Count:
    """The cases of a JUnit report: nothing when it is missing or cut short."""
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return Count()
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return Count(len(cases) - failed - skipped, failed, skipped)


if __name__ == "__main__":
    raise SystemExit(main())
