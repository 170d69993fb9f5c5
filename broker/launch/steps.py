"""How the plan writes down what it asks, step by step. Pure: time comes in as a stopwatch.

A rule of the plan is a function that asks one thing, says so on the `PlanTrace`, and raises what `failed` answers where
the launch ends there:

    def _enabled(application: Application, trace: PlanTrace) -> None:
        named = f"application:{application.name}"
        if application.disabled:
            raise trace.failed("enabled", "application_disabled", f"{application.name} is disabled", object=named)
        trace.passed("enabled", "the application is enabled", object=named)
"""

from __future__ import annotations

from collections.abc import Callable

from portcullis.errors import CODES
from portcullis.model.launch import Outcome, Step
from portcullis.model.session import Session

Stopwatch = Callable[[], float]
"""Seconds that only ever grow: `time.perf_counter`."""


def no_stopwatch() -> float:
    return 0.0


class PlanRefused(Exception):
    """The launch ends at this step. Never leaves the plan."""

    def __init__(
        self,
        code: str,
        message: str | None = None,
        ending: Session | None = None,
        lost: Session | None = None,
        absent: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or CODES[code]
        self.ending = ending
        self.lost = lost
        self.absent = absent


class PlanTrace:
    """The steps so far. Each is charged with the time since the one before."""

    def __init__(self, stopwatch: Stopwatch = no_stopwatch) -> None:
        self.steps: tuple[Step, ...] = ()
        self._stopwatch = stopwatch
        self._last = stopwatch()

    def passed(self, step: str, detail: str, object: str = "", score: float | None = None) -> None:
        self._add(step, "passed", detail, "", object, score)

    def info(self, step: str, detail: str, code: str = "", object: str = "") -> None:
        """It decides nothing by itself."""
        self._add(step, "info", detail, code, object)

    def skipped(self, step: str, detail: str, object: str = "") -> None:
        self._add(step, "skipped", detail, "", object)

    def failed(
        self,
        step: str,
        code: str,
        detail: str,
        message: str | None = None,
        ending: Session | None = None,
        lost: Session | None = None,
        absent: frozenset[str] = frozenset(),
        object: str = "",
    ) -> PlanRefused:
        """To be raised."""
        self._add(step, "failed", detail, code, object)
        return PlanRefused(code, message, ending, lost, absent)

    def _add(
        self, step: str, outcome: Outcome, detail: str, code: str, object: str, score: float | None = None
    ) -> None:
        now = self._stopwatch()
        milliseconds = (now - self._last) * 1e3
        self._last = now
        text = f"{detail} [{code}]" if code else detail
        self.steps += (Step(step, outcome, text, code, object, milliseconds, score),)
