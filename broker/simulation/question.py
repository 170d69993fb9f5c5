"""What a simulation is asked, and what it answers. Values; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from portcullis import reasons
from portcullis.model.launch import Step

Verdict = Literal["launches", "reconnects", "refused"]
SECONDS_OF_A_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the user, by name, may launch the application, by name or id, under these circumstances."""

    user: str
    application: str
    client_address: str | None = None
    """None: nobody knows from where."""
    time: float | None = None
    """Unix seconds; None: now."""
    factor_age_minutes: float | None = 0.0
    """Since the second factor was proven; None: it was not, as with an API token."""
    time_zone: str = "UTC"
    """Of the browser."""
    dry_run: bool = False
    """Whether hosts are asked as well."""

    def factor_time(self, now: float) -> float | None:
        """`now`: the time that is asked about."""
        age = self.factor_age_minutes
        return None if age is None else now - age * SECONDS_OF_A_MINUTE


@dataclass(frozen=True, slots=True)
class Simulation:
    verdict: Verdict
    code: str
    """Empty unless refused."""
    message: str
    user: str
    application: str
    steps: tuple[Step, ...]
    revision: int
    """Of the grid, as it was seen."""
    time: float
    """That was asked about."""
    milliseconds: float = 0.0

    @property
    def remedy(self) -> str | None:
        return reasons.remedy(self.code, sees_steps=True) if self.code else None

    def view(self) -> dict[str, Any]:
        """As the API shows it. Nothing is kept of a simulation: it has no reference."""
        return {
            "verdict": self.verdict,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "reference": None,
            "revision": self.revision,
            "user": self.user,
            "application": self.application,
            "time": self.time,
            "milliseconds": round(self.milliseconds, 3),
            "steps": [step.view() for step in self.steps],
        }
