"""Runs the suites and counts: `python tests/runner.py [SUITE...]`, called by tests/run.sh.

A suite is a list of checks. Pytest and node write JUnit reports, whose cases are counted; any other command
counts as one. Output passes through as it comes. The last line is `N passed, N failed`, with `, N skipped` if
there are any. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
OUTPUT = CLONE / "tests/output"
WEB_CLIENT = CLONE / "web_client"
PYTHON_CODE = ("portcullis", "broker", "gateway", "agents", "web_client", "tests", "deploy")
SUITE_DEADLINE_SECONDS = 20 * 60


@dataclass(frozen=True, slots=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


@dataclass(frozen=True, slots=True)
class Check:
    """A command of a suite. With a `report` (JUnit) its cases count, without one its exit status does."""

    name: str
    command: tuple[str, ...]
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    about: str
    checks: Callable[[], list[Check]]
    exists: Callable[[], bool]
    always: bool = True
    """Whether it runs when no suite is named."""


def pytest_suite(name: str, about: str) -> Suite:
    folder = CLONE / "tests" / name
    report = OUTPUT / f"{name}.xml"

    def checks() -> list[Check]:
        options = ("-v", "--durations=5", f"--junitxml={report}")
        return [Check(name, (sys.executable, "-m", "pytest", *options, str(folder)), report)]

    return Suite(name, about, checks, lambda: any(folder.rglob("test_*.py")))


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
    pytest_suite("integration", "parts against real sockets, processes and displays"),
    pytest_suite(
        "faults", "a cluster under kills and freezes, its histories judged; `faults SECONDS` goes on longer"
    ),
    pytest_suite("e2e", "the whole system in a real browser (needs root: it makes accounts)"),
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
    total = sum((run_suite(suites[name]) for name in dict.fromkeys(named)), Count())
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


def run_suite(suite: Suite) -> Count:
    count = Count()
    started = time.monotonic()
    for check in suite.checks():
        print(f"\n=== {suite.name}: {check.name}", flush=True)
        result = run_check(check)
        print(f"--- {check.name}: {result}", flush=True)
        count += result
    print(f"=== {suite.name}: {count} in {time.monotonic() - started:.0f} s", flush=True)
    return count


def run_check(check: Check) -> Count:
    if check.report is not None:
        check.report.unlink(missing_ok=True)
    status = run(check.command)
    if check.report is None:
        return Count(passed=1) if status == 0 else Count(failed=1)
    count = read_report(check.report)
    # A runner that fell over, or found nothing, is a failure of its own.
    if (status != 0 and not count.failed) or not (count.passed or count.skipped):
        print(f"{check.name}: exit status {status}", file=sys.stderr)
        count += Count(failed=1)
    return count


def run(command: tuple[str, ...]) -> int:
    """The exit status of `command`, in a process group of its own, which a deadline ends."""
    # What a shell starts in the background ignores interrupts, and so would all that is started from here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, cwd=CLONE, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as exc:
        print(f"{command[0]}: {exc.strerror}", file=sys.stderr)
        return 127
    try:
        return process.wait(SUITE_DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{command[0]}: not done after {SUITE_DEADLINE_SECONDS} s", file=sys.stderr)
        return end(process)
    except BaseException:  # whatever ends the runner ends what it runs
        end(process)
        raise


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
