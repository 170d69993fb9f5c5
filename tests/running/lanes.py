"""Checks, side by side: a command each, in a warden of its own, until the budget of the whole run is spent.

Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.running.counting import CLONE, Count, failure, read_report

OUTPUT = CLONE / "tests/output"
LANES = 1 + max(2, os.cpu_count() or 0)
"""Checks at a time: one more than there are processors, for most of them mostly wait."""
MOST_TRIED_AGAIN = 10
"""More failures of one check have another reason than a busy machine."""
ENDING_SECONDS = 150
"""For a check that is interrupted, to put back what it made."""
_SOME_FAILED = 1
"""Pytest's exit status for that and nothing worse."""


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
class Budget:
    """Until when everything has to have ended, in seconds of the monotonic clock."""

    end: float = float("inf")

    @property
    def left(self) -> float:
        return self.end - time.monotonic()


UNBOUNDED = Budget()


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    count: Count


def run_checks(checks: Sequence[Check], budget: Budget = UNBOUNDED) -> list[Count]:
    """Side by side, if there are several; what failed, again one by one once all have ended."""
    for check in checks:
        if check.report is not None:
            check.report.unlink(missing_ok=True)
    counts = []
    for check, ended in zip(checks, Lanes(len(checks) > 1, budget).run(checks), strict=True):
        is_worth_it = check.again and ended.status == _SOME_FAILED and ended.count.failed <= MOST_TRIED_AGAIN
        counts.append(_second_attempt(check, ended.count, budget) if is_worth_it else ended.count)
    return counts


def _second_attempt(check: Check, first: Count, budget: Budget) -> Count:
    """`first`, with those that pass now counted so: exactly those that failed must have run."""
    assert check.report is not None
    print(
        f"\n=== {check.name}: {first.failed} failed, and {'is' if first.failed == 1 else 'are'} run again",
        flush=True,
    )
    check.report.rename(check.report.with_suffix(".first.xml"))
    again = replace(check, command=check.again, name=f"{check.name} again")
    second = Lanes(False, budget).run([again])[0].count
    if second.passed + second.failed != first.failed or second.skipped:
        print(f"{check.name}: the second attempt ran {second}", file=sys.stderr)
        return first
    late = tuple(
        each for each in first.failures if each.name not in {other.name for other in second.failures}
    )
    return Count(
        *(first.passed + second.passed, second.failed, first.skipped, second.passed), second.failures, late
    )


@dataclass
class Lanes:
    """Runs checks, `LANES` at a time, the longest first."""

    labelled: bool
    budget: Budget
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _is_over: bool = False

    def run(self, checks: Sequence[Check]) -> list[Ended]:
        order = sorted(checks, key=lambda check: -check.seconds)
        with ThreadPoolExecutor(LANES) as lanes:
            try:
                ended = {check.name: lanes.submit(self._run, check) for check in order}
                return [ended[check.name].result() for check in checks]
            except BaseException:  # whatever ends the runner ends what it runs
                self._is_over = True
                lanes.shutdown(wait=False, cancel_futures=True)
                for process in list(self._running):
                    interrupt(process)
                raise

    def _run(self, check: Check) -> Ended:
        if self._is_over or self.budget.left <= 0:
            print(f"--- {check.name}: not begun, for the time of the whole run is over", flush=True)
            return Ended(_SOME_FAILED, failure(f"{check.name}: not begun"))
        print(f"=== {check.name}", flush=True)
        started = time.monotonic()
        status, cpu_seconds = self._status(check)
        count = count_of(check, status)
        took = f"{time.monotonic() - started:.0f} s, {cpu_seconds:.0f} s of processor time"
        print(f"--- {check.name}: {count} in {took}", flush=True)
        return Ended(status, count)

    def _status(self, check: Check) -> tuple[int, float]:
        process = start(check.command)
        self._running.add(process)
        speaking = threading.Thread(target=self._speak, args=(process, check.name), daemon=True)
        speaking.start()
        try:
            return wait(process, check.name, self.budget)
        finally:
            speaking.join(5)
            self._running.discard(process)

    def _speak(self, process: subprocess.Popen[bytes], name: str) -> None:
        label = f"{name}: " if self.labelled else ""
        assert process.stdout is not None
        with process.stdout as lines, (OUTPUT / f"{name.replace(' ', '-')}.log").open("wb") as kept:
            for line in lines:
                kept.write(line)
                text = f"{label}{line.decode(errors='replace')}"
                print(text if text.endswith("\n") else f"{text}\n", end="", flush=True)


def start(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (sys.executable, "-m", "tests.running.warden", str(ENDING_SECONDS), *command),
        cwd=CLONE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def wait(process: subprocess.Popen[bytes], name: str, budget: Budget) -> tuple[int, float]:
    """The exit status, and the processor time of the command and of all that it started."""
    is_told = False
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_utime + used.ru_stime
        if budget.left <= 0 and not is_told:
            print(f"{name}: interrupted, for the time of the whole run is over", flush=True)
            interrupt(process)
            is_told = True
        time.sleep(0.05)


def interrupt(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGINT)


def count_of(check: Check, status: int) -> Count:
    if check.report is None:
        return Count(passed=1) if status == 0 else failure(check.name)
    count = read_report(check.report, check.name)
    # A runner that fell over, or found nothing, is a failure of its own.
    if (
        (status not in (0, _SOME_FAILED))
        or (status and not count.failed)
        or not (count.passed or count.skipped)
    ):
        count += failure(f"{check.name}: exit status {status}")
    return count
