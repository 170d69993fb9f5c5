"""The trace of a launch: which steps the plan took and why it ended as it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "info", "skipped"]
OUTCOMES: frozenset[Outcome] = frozenset({"passed", "failed", "info", "skipped"})
MAXIMUM_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was asked on the way to a launch, and how the answer was.

    `step` is a stable name (`user`, `entitlement`, `quota`, `hosts`, ...), `detail` is for administrators. `object`
    names what decided, as `kind:name` (`application:Editor`, `policy:group:staff`). A step that was not asked is
    `skipped`, and its detail says why.
    """

    step: str
    outcome: Outcome
    detail: str
    code: str = ""
    object: str = ""
    milliseconds: float = 0.0
    score: float | None = None
    """Of a host that can take the session: the lowest wins."""

    @property
    def reason(self) -> str:
        """The detail without the code, which older readers find at its end."""
        return self.detail.removesuffix(f" [{self.code}]") if self.code else self.detail

    def to_json(self) -> dict[str, Any]:
        """As it is kept: session records hold the steps, so what says nothing is left out."""
        more = {"code": self.code, "object": self.object, "milliseconds": round(self.milliseconds, 3)}
        return {
            "step": self.step,
            "outcome": self.outcome,
            "detail": self.detail,
            **{name: value for name, value in more.items() if value},
            **({} if self.score is None else {"score": self.score}),
        }

    def view(self) -> dict[str, Any]:
        """As the API shows it: every field, and beside them the names that it had first."""
        return {
            "name": self.step,
            "outcome": self.outcome,
            "code": self.code,
            "reason": self.reason,
            "object": self.object,
            "milliseconds": round(self.milliseconds, 3),
            "score": self.score,
            "step": self.step,
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        outcome = data["outcome"]
        return cls(
            data["step"],
            outcome if outcome in OUTCOMES else "info",
            data["detail"],
            data.get("code", ""),
            data.get("object", ""),
            data.get("milliseconds", 0.0),
            data.get("score"),
        )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a launch was judged by besides the configuration, and by what it was asked for."""

    client_address: str = ""
    """Empty: it was not known."""
    factor_age_minutes: float | None = None
    """Since the second factor was proven; None: it was not, as of an API token."""
    user_agent: str = ""
    """As the client calls itself, shortened: it is good for telling browsers apart, and nothing decides by it."""

    def to_json(self) -> dict[str, Any]:
        return {
            "client_address": self.client_address,
            "factor_age_minutes": self.factor_age_minutes,
            "user_agent": self.user_agent,
        }

    @classmethod
    def from_json(cls, data: object) -> Circumstances | None:
        """None for what no version wrote, which includes nothing at all."""
        if not isinstance(data, Mapping):
            return None
        age = data.get("factor_age_minutes")
        return cls(
            str(data.get("client_address") or ""),
            float(age) if isinstance(age, int | float) else None,
            str(data.get("user_agent") or "")[:MAXIMUM_USER_AGENT],
        )


def plain_user_agent(text: str) -> str:
    """What a client says of itself, without what would not fit on one line."""
    return "".join(character for character in text if character.isprintable())[:MAXIMUM_USER_AGENT]


@dataclass(frozen=True, slots=True)
class LaunchTrace:
    """Of a launch, under its reference. In the grid: of refused and failed ones alone, for 24 hours."""

    reference: str
    time: float
    user: str
    application: str
    code: str
    message: str
    steps: tuple[Step, ...]
    revision: int = 0
    """Of the grid, as the plan saw it; 0: kept by a version that did not say."""
    circumstances: Circumstances | None = None
    """None: kept by a version that did not say."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {**self._head(), "steps": [step.to_json() for step in self.steps]}

    def view(self) -> dict[str, Any]:
        """As the API shows it."""
        return {**self._head(), "steps": [step.view() for step in self.steps]}

    def _head(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "time": self.time,
            "user": self.user,
            "application": self.application,
            "code": self.code,
            "message": self.message,
            "revision": self.revision,
            "circumstances": self.circumstances.to_json() if self.circumstances else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LaunchTrace:
        return cls(
            data["reference"],
            data["time"],
            data["user"],
            data["application"],
            data["code"],
            data["message"],
            tuple(Step.from_json(step) for step in data["steps"]),
            data.get("revision", 0),
            Circumstances.from_json(data.get("circumstances")),
        )
