"""Runs the suites and counts: `python tests/runner.py [SUITE...]`, called by tests/run.sh.

A suite is a list of checks. Pytest and node write JUnit reports, whose cases are counted; any other command
counts as one. Checks of all suites run side by side, `LANES` at a time and the longest first: most of them mostly wait.
Their output passes through as it comes, each line behind the name of its check, and is kept in tests/output/NAME.log.
The last line is `N passed, N failed`, with `, N skipped` and `, N at the second attempt` if there are any: tests of
real processes that failed are run once more, by themselves, while they are few
(docs/decisions/0022-second-attempt.md).
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
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
OUTPUT = CLONE / "tests/output"
WEB_CLIENT = CLONE / "web_client"
PYTHON_CODE = ("portcullis", "broker", "gateway", "agents", "web_client", "tests", "deploy")
FOR_WINDOWS = (
    *("--platform", "win32", "--cache-dir", ".mypy_cache/windows"),
    *(
        "-p",
        "agents.windows",
        "-p",
        "agents.sessions",
        "-m",
        "agents.__main__",
        "-m",
        "agents.worker.__main__",
    ),
)
"""What mypy follows there: all that runs on Windows, and no more. A cache of its own, for a platform needs one."""
CHECK_DEADLINE_SECONDS = 40 * 60
LANES = 1 + max(2, os.cpu_count() or 0)
"""Checks at a time: one more than there are processors, for most of them mostly wait."""
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
    seconds: int = 0
    """About how long it takes, if long: the longest begins first."""


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    about: str
    checks: Callable[[], list[Check]]
    exists: Callable[[], bool]
    always: bool = True
    """Whether it runs when no suite is named."""
    first: Callable[[], list[Check]] = list
    """What must have run before any other check of any suite."""
    alone: bool = False
    """What it says depends on how much the machine does in so many seconds: nothing runs beside it."""


def pytest_suite(
    name: str,
    about: str,
    *,
    seconds: int,
    lanes: Mapping[str, tuple[int, Sequence[str]]] | None = None,
    tries_again: bool = False,
    first: Callable[[], list[Check]] = list,
    alone: bool = False,
) -> Suite:
    """`lanes`: what of the folder runs beside the rest, each with its seconds, files and folders."""
    folder = CLONE / "tests" / name

    def check(lane: str, seconds: int, paths: Sequence[str]) -> Check:
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
        return Check(lane, command, report, again if tries_again else (), seconds)

    def checks() -> list[Check]:
        apart = {lane: [str(folder / each) for each in parts] for lane, (_, parts) in (lanes or {}).items()}
        rest = [f"--ignore={path}" for paths in apart.values() for path in paths]
        return [
            *(check(f"{name}-{lane}", (lanes or {})[lane][0], paths) for lane, paths in apart.items()),
            check(name, seconds, [str(folder), *rest]),
        ]

    return Suite(name, about, checks, lambda: any(folder.rglob("test_*.py")), first=first, alone=alone)


def lint_checks() -> list[Check]:
    python = (sys.executable, "-m")
    checks = [
        Check("ruff check", (*python, "ruff", "check", *PYTHON_CODE)),
        Check("ruff format", (*python, "ruff", "format", "--check", *PYTHON_CODE)),
        Check("mypy", (*python, "mypy")),
        Check("mypy for Windows", (*python, "mypy", *FOR_WINDOWS)),
        Check("import contracts", (str(Path(sys.executable).parent / "lint-imports"), "--no-cache")),
        Check("shellcheck", (tool("shellcheck"), "--external-sources", *shell_scripts())),
    ]
    if (WEB_CLIENT / "tsconfig.json").exists():
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
    return [Check("web", (tool("node"), "--test", *reporters, *web_tests()), report)]


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


def client_tools() -> list[Check]:
    """TypeScript and the like, as locked, and the decoder; no check when both are there."""
    locked = WEB_CLIENT / "package-lock.json"
    installed = WEB_CLIENT / "node_modules/.package-lock.json"
    install = (tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(WEB_CLIENT))
    is_there = installed.exists() and installed.stat().st_mtime >= locked.stat().st_mtime
    return [
        *([] if is_there or not locked.exists() else [Check("client's tools", install)]),
        Check("zstd decoder", (sys.executable, "-m", "web_client.fetch")),
    ]


def integration_parts() -> list[Check]:
    """Half a minute the first time, beside 100 MB to fetch; nothing afterwards."""
    windows = Check("Windows interpreter", (sys.executable, "-m", "tests.support.windows_python"))
    listing = (*windows.command, "--missing")
    is_there = subprocess.run(listing, cwd=CLONE, stdout=subprocess.DEVNULL).returncode == 0
    return [*client_tools(), *([] if is_there else [windows])]


def tool(name: str) -> str:
    """Its path; the bare name where it is missing, so that its check fails and says so."""
    return shutil.which(name) or name


SUITES = (
    Suite(
        "lint", "style, formatting, types and import contracts", lint_checks, lambda: True, first=client_tools
    ),
    pytest_suite("unit", "pure logic, without processes or sockets", seconds=60),
    Suite(
        "web",
        "the HTML5 client's modules, in node",
        web_checks,
        lambda: any(CLONE.glob("tests/web/**/*.test.js")),
        first=client_tools,
    ),
    pytest_suite(
        "integration",
        "parts against real sockets, processes and displays",
        seconds=350,
        lanes={
            "client": (250, ("web_client",)),
            "hosts": (350, ("keyboard", "agents", "abuse", "abuse_host")),
            "grids": (250, ("broker/grid", "broker/backup", "broker/revocation", "upgrade")),
            "windows": (60, ("windows",)),
        },
        tries_again=True,
        first=integration_parts,
    ),
    pytest_suite(
        "faults",
        "a cluster under kills and freezes, its histories judged; `faults SECONDS` goes on longer",
        seconds=70,
        alone=True,
    ),
    pytest_suite(
        "e2e",
        "the whole system in a real browser (needs root: it makes accounts)",
        seconds=280,
        lanes={
            "instances": (
                300,
                (
                    *("test_cluster.py", "test_demo.py", "test_lab.py"),
                    *("test_quickstart_lifecycle.py", "test_unprivileged.py"),
                ),
            )
        },
        tries_again=True,
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
        alone=True,
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
    total = run_suites([suites[name] for name in dict.fromkeys(named)])
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


def run_suites(suites: Sequence[Suite]) -> Count:
    started = time.monotonic()
    first = {check.name: check for suite in suites for check in suite.first()}
    total = sum((run_check(check) for check in first.values()), Count())
    for group in ([suite for suite in suites if not suite.alone], *([each] for each in suites if each.alone)):
        total += run_group(group)
    print(f"=== all in {time.monotonic() - started:.0f} s", flush=True)
    return total


def run_group(suites: Sequence[Suite]) -> Count:
    """At the same time."""
    parts = {suite.name: suite.checks() for suite in suites}
    checks = [check for part in parts.values() for check in part]
    counts = dict(zip([check.name for check in checks], run_checks(checks), strict=True))
    for name, part in parts.items():
        print(f"=== {name}: {sum((counts[check.name] for check in part), Count())}")
    return sum(counts.values(), Count())


def run_check(check: Check) -> Count:
    return run_checks([check])[0]


def run_checks(checks: Sequence[Check]) -> list[Count]:
    """Side by side, if there are several; what failed, again one by one once all have ended."""
    for check in checks:
        if check.report is not None:
            check.report.unlink(missing_ok=True)
    ended = Lanes(labelled=len(checks) > 1).run(checks)
    counts = []
    for check, (status, first) in zip(checks, ended, strict=True):
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
    again = replace(check, command=check.again, name=f"{check.name} again")
    ((_, second),) = Lanes(labelled=False).run([again])
    if second.passed + second.failed != first.failed or second.skipped:
        print(f"{check.name}: the second attempt ran {second}", file=sys.stderr)
        return first
    return Count(first.passed + second.passed, second.failed, first.skipped, second.passed)


@dataclass
class Lanes:
    """Runs checks, `LANES` at a time, each in a process group of its own, which a deadline ends."""

    labelled: bool
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _is_over: bool = False

    def run(self, checks: Sequence[Check]) -> list[tuple[int, Count]]:
        """The exit status of each, and what it counts."""
        order = sorted(checks, key=lambda check: -check.seconds)
        with ThreadPoolExecutor(LANES) as lanes:
            try:
                ended = {check.name: lanes.submit(self._run, check) for check in order}
                return [ended[check.name].result() for check in checks]
            except BaseException:  # whatever ends the runner ends what it runs
                self._is_over = True
                lanes.shutdown(wait=False, cancel_futures=True)
                for process in list(self._running):
                    end(process)
                raise

    def _run(self, check: Check) -> tuple[int, Count]:
        started = time.monotonic()
        print(f"=== {check.name}", flush=True)
        status = self._status(check)
        count = count_of(check, status)
        print(f"--- {check.name}: {count} in {time.monotonic() - started:.0f} s", flush=True)
        return status, count

    def _status(self, check: Check) -> int:
        process = start(check.command)
        if process is None:
            return 127
        self._running.add(process)
        speaking = threading.Thread(target=self._speak, args=(process, check.name), daemon=True)
        speaking.start()
        deadline = 0.0 if self._is_over else time.monotonic() + CHECK_DEADLINE_SECONDS
        status = wait(process, deadline)
        speaking.join(5)  # what a test left running may hold the pipe
        self._running.discard(process)
        return status

    def _speak(self, process: subprocess.Popen[bytes], name: str) -> None:
        label = f"{name}: " if self.labelled else ""
        assert process.stdout is not None
        with process.stdout as lines, (OUTPUT / f"{name.replace(' ', '-')}.log").open("wb") as kept:
            for line in lines:
                kept.write(line)
                text = f"{label}{line.decode(errors='replace')}"
                print(text if text.endswith("\n") else f"{text}\n", end="", flush=True)


def start(command: tuple[str, ...]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            command,
            cwd=CLONE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as exc:
        print(f"{command[0]}: {exc.strerror}", file=sys.stderr)
        return None


def wait(process: subprocess.Popen[bytes], deadline: float) -> int:
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        print(f"{process.args[0]}: not done after {CHECK_DEADLINE_SECONDS} s", file=sys.stderr)  # type: ignore[index]
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
