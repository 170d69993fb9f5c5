"""Runs the suites and counts: `python -m tests.runner [SUITE...]`, called by tests/run.sh.

A suite is a list of checks. Pytest and node write JUnit reports, whose cases are counted; any other command
counts as one. Checks of all suites run side by side, the longest first: most of them mostly wait. Their output passes
through as it comes, each line behind the name of its check, and is kept in tests/output/NAME.log.
Everything has to end in `BUDGET_SECONDS`; what has not by then is interrupted, and fails.
The last line is `N passed, N failed`, with `, N skipped` and `, N at the second attempt` if there are any; before it
stand the names of what failed. Tests of real processes that failed are run once more, by themselves, while they are few
(docs/decisions/0022-second-attempt.md).
Standard library only.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.running import machine
from tests.running.counting import CLONE, Count
from tests.running.lanes import OUTPUT, UNBOUNDED, Budget, Check, run_checks

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
BUDGET_SECONDS = 85 * 60
"""For all that runs when no suite is named, since tests/run.sh began."""
MOST_NAMED = 40
"""Of the failed: CI keeps the end of the output."""


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
        shutil.rmtree(cache_of(lane), ignore_errors=True)  # it says what failed: nothing from another time
        command = pytest_command(lane, *paths)
        again = (*command, "--last-failed", "--last-failed-no-failures=none")
        return Check(lane, command, report_of(lane), again if tries_again else (), seconds)

    def checks() -> list[Check]:
        apart = {
            lane: found
            for lane, (_, parts) in (lanes or {}).items()
            if (found := [str(folder / each) for each in parts if (folder / each).exists()])
        }
        rest = [f"--ignore={path}" for paths in apart.values() for path in paths]
        return [
            *(check(f"{name}-{lane}", (lanes or {})[lane][0], paths) for lane, paths in apart.items()),
            check(name, seconds, [str(folder), *rest]),
        ]

    return Suite(name, about, checks, lambda: any(folder.rglob("test_*.py")), first=first, alone=alone)


def pytest_command(lane: str, *words: str) -> tuple[str, ...]:
    options = ("-v", "--durations=5", f"--junitxml={report_of(lane)}", "-o", f"cache_dir={cache_of(lane)}")
    return (sys.executable, "-m", "pytest", *options, *words)


def report_of(lane: str) -> Path:
    return OUTPUT / f"{lane}.xml"


def cache_of(lane: str) -> Path:
    return OUTPUT / "cache" / lane


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
    found = (*CLONE.glob("[dt]e*/*.sh"), *CLONE.glob("deploy/*/*.sh"))
    return [".ci/run", *sorted(str(path.relative_to(CLONE)) for path in found)]


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


def long_checks() -> list[Check]:
    return [Check("long", pytest_command("long", "-m", "long", "tests"), report_of("long"), seconds=600)]


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


def windows_interpreter() -> list[Check]:
    """Half a minute the first time, beside 100 MB to fetch; nothing afterwards."""
    make = Check("Windows interpreter", (sys.executable, "-m", "tests.support.windows_python"))
    listing = (*make.command, "--missing")
    is_there = subprocess.run(listing, cwd=CLONE, stdout=subprocess.DEVNULL).returncode == 0
    return [] if is_there else [make]


def integration_parts() -> list[Check]:
    return [*client_tools(), *windows_interpreter()]


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
            "windows": (120, ("windows",)),
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
        seconds=400,  # first: it makes what the other lane finds made
        lanes={
            "instances": (
                300,
                ("instances",),
            )
        },
        tries_again=True,
        first=windows_interpreter,
    ),
    Suite(
        "fuzz",
        "every parser under atheris, `fuzz SECONDS` each; only when named",
        fuzz_checks,
        lambda: True,
        always=False,
    ),
    Suite(
        "long",
        "soaks and whole combinations of the suites above; only when named",
        long_checks,
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
    given = arguments(suites)
    named = without_seconds(given) or [suite.name for suite in suites.values() if suite.always]
    os.environ.setdefault("FAULT_SECONDS", seconds_behind("faults", given) or "0")
    os.chdir(CLONE)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    # What a shell starts in the background ignores interrupts, and so would all that is started from here.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    chosen = [suites[name] for name in dict.fromkeys(named)]
    is_bounded = len(named) == len(given) or not given
    total = run_all(chosen, budget() if is_bounded and all(suite.always for suite in chosen) else UNBOUNDED)
    return 1 if total.failed or not total.passed else 0


def arguments(suites: Mapping[str, Suite]) -> list[str]:
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
    given: list[str] = parser.parse_args().suites
    if unknown := set(without_seconds(given)) - set(suites):
        parser.error(f"no such suite: {min(unknown)}")
    return given


def budget() -> Budget:
    """What was installed before belongs to it."""
    already = max(0.0, time.time() - float(os.environ.get("TESTS_BEGAN", time.time())))
    return Budget(time.monotonic() + BUDGET_SECONDS - already)


def run_all(suites: Sequence[Suite], budget: Budget) -> Count:
    """And says what failed, how long it took, and how slow the machine was."""
    started, slowness = time.monotonic(), machine.now()
    print(f"=== machine: {slowness:.1f} times its usual time for a piece of work", flush=True)
    with machine.Watch(OUTPUT / "patience", slowness) as watch:
        total = run_suites(suites, budget)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"=== all in {time.monotonic() - started:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor time"
    )
    print(f"=== machine: {machine.now():.1f} times its usual time; tests waited {watch.factor} times as long")
    tell_failed(total)
    print(total, flush=True)
    return total


def tell_failed(total: Count) -> None:
    """Each with what it said, for CI keeps no more than the end of the output."""
    for title, failures in (("at the second attempt", total.mended), ("failed", total.failures)):
        if failures:
            print(f"=== {title}:")
        for failure in failures[:MOST_NAMED]:
            print(failure)
        if len(failures) > MOST_NAMED:
            print(f"and {len(failures) - MOST_NAMED} more")


def run_suites(suites: Sequence[Suite], budget: Budget = UNBOUNDED) -> Count:
    first = {check.name: check for suite in suites for check in suite.first()}
    total = sum((run_checks([check], budget)[0] for check in first.values()), Count())
    for group in ([suite for suite in suites if not suite.alone], *([each] for each in suites if each.alone)):
        total += run_group(group, budget)
    return total


def run_group(suites: Sequence[Suite], budget: Budget) -> Count:
    """At the same time."""
    parts = {suite.name: suite.checks() for suite in suites}
    checks = [check for part in parts.values() for check in part]
    counts = dict(zip([check.name for check in checks], run_checks(checks, budget), strict=True))
    for name, part in parts.items():
        print(f"=== {name}: {sum((counts[check.name] for check in part), Count())}")
    return sum(counts.values(), Count())


if __name__ == "__main__":
    raise SystemExit(main())
