"""What a probe is, and what came of one. Values; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

State = Literal["ok", "failed", "skipped"]

STAGES = ("sign_in", "launch", "ready", "attach", "first_frame", "echo")
"""In their order; each is timed from the end of the one before."""
SHORTEST_SECONDS, LONGEST_SECONDS, DEFAULT_SECONDS = 60, 24 * 3600, 300


@dataclass(frozen=True, slots=True)
class Probe:
    """Kept under the application's id."""

    application_id: str
    user_id: str
    every_seconds: int = DEFAULT_SECONDS

    def to_json(self) -> dict[str, Any]:
        return {"user": self.user_id, "every_seconds": self.every_seconds}

    @classmethod
    def from_json(cls, application_id: str, data: Mapping[str, Any]) -> Probe:
        every = int(data.get("every_seconds", DEFAULT_SECONDS))
        return cls(application_id, str(data["user"]), max(SHORTEST_SECONDS, every))


@dataclass(frozen=True, slots=True)
class Result:
    state: State
    time: float
    stages: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of those that were reached and passed."""
    code: str = ""
    detail: str = ""
    reference: str = ""
    host: str = ""
    stage: str = ""
    """The one that it did not pass, if it failed in one."""
    by_password: bool = False
    """Whether password and verification code were asked for and taken."""
    failures: int = 0
    """One after the other, this one counted."""
    ok_time: float = 0.0
    """When it went well the last time; 0: not since a broker has known it."""

    @property
    def milliseconds(self) -> float:
        return sum(self.stages.values())

    def at(self, stages: Mapping[str, float]) -> Result:
        """With the stages that were passed; one that failed did so in the next."""
        missed = next((name for name in STAGES if name not in stages), "")
        return replace(self, stages=dict(stages), stage=missed if self.state == "failed" else "")

    def after(self, before: Result | None) -> Result:
        """With what the one before knows. One that was skipped says nothing about failures."""
        failures, ok_time = (before.failures, before.ok_time) if before else (0, 0.0)
        if self.state == "ok":
            return replace(self, failures=0, ok_time=self.time)
        return replace(self, failures=failures + (self.state == "failed"), ok_time=ok_time)

    def to_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "time": self.time,
            "stages": {name: round(self.stages[name], 1) for name in STAGES if name in self.stages},
            "milliseconds": round(self.milliseconds, 1),
            "code": self.code,
            "detail": self.detail,
            "reference": self.reference,
            "host": self.host,
            "stage": self.stage,
            "by_password": self.by_password,
            "failures": self.failures,
            "ok_time": self.ok_time,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        """Raises KeyError, TypeError, ValueError."""
        state = data["state"]
        stages = data.get("stages") or {}
        return cls(
            state if state in ("ok", "skipped") else "failed",
            float(data["time"]),
            {name: float(stages[name]) for name in STAGES if name in stages},
            code=str(data.get("code") or ""),
            detail=str(data.get("detail") or ""),
            reference=str(data.get("reference") or ""),
            host=str(data.get("host") or ""),
            stage=str(data.get("stage") or ""),
            by_password=bool(data.get("by_password")),
            failures=int(data.get("failures") or 0),
            ok_time=float(data.get("ok_time") or 0.0),
        )


Health = Literal["ok", "failed", "skipped", "waiting", "late"]
HEALTH: tuple[Health, ...] = get_args(Health)
LATE_SECONDS = 240.0
"""Beyond three times its period: the claim of a broker that died has run out by then."""
LATE_PERIODS = 3


@dataclass(frozen=True, slots=True)
class Failing:
    """`application` is empty where the site has several tenants."""

    application: str
    code: str
    stage: str
    failures: int
    reference: str


@dataclass(frozen=True, slots=True)
class ProbesOfTenant:
    tenant: str
    states: dict[str, int] = field(default_factory=dict)
    failing: tuple[Failing, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.states.values())


def state_of(probe: Probe, result: Result | None, now: float) -> Health:
    """A result that nothing came after for long says nothing any more."""
    if result is None:
        return "waiting"
    if now - result.time > LATE_PERIODS * probe.every_seconds + LATE_SECONDS:
        return "late"
    return result.state
