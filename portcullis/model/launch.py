"""The trace of a launch: which steps the plan took and why it ended as it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "info"]


@dataclass(frozen=True, slots=True)
class Step:
    """`step` is a stable name (`user`, `entitlement`, `quota`, `hosts`, ...); `detail` is for administrators."""

    step: str
    outcome: Outcome
    detail: str

    def to_json(self) -> dict[str, str]:
        return {"step": self.step, "outcome": self.outcome, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class LaunchTrace:
    """Kept for a refused or failed launch under its reference, for 24 hours."""

    reference: str
    time: float
    user: str
    application: str
    code: str
    message: str
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "time": self.time,
            "user": self.user,
            "application": self.application,
            "code": self.code,
            "message": self.message,
            "steps": [step.to_json() for step in self.steps],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LaunchTrace:
        return cls(
            data["reference"],
            data["time"],
            data["user"],
            data["application"],
            data["code"],
            data["message"],
            tuple(Step(step["step"], step["outcome"], step["detail"]) for step in data["steps"]),
        )
