"""Which connections are stalled or cut. Pure.

A rule names a part and another one (or `*`, everybody, those outside too) and holds both ways: what the one dials and
what the other dials. `stall` is a network that swallows everything (half open), `cut` one that resets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["stall", "cut"]
State = Literal["open", "stall", "cut"]
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    kind: Kind
    part: str
    other: str = EVERYBODY

    def concerns(self, source: str | None, target: str) -> bool:
        """`source` is None for what is no part: a browser."""
        return self._is(source, target) or self._is(target, source)

    def _is(self, one: str | None, other: str | None) -> bool:
        return one == self.part and self.other in (EVERYBODY, other)

    def to_json(self) -> dict[str, str]:
        return {"kind": self.kind, "part": self.part, "other": self.other}

    @classmethod
    def from_json(cls, data: dict[str, str]) -> Rule:
        """Raises ValueError, KeyError."""
        if data["kind"] not in get_args(Kind):
            raise ValueError(f"no such kind of rule: {data['kind']}")
        return cls("cut" if data["kind"] == "cut" else "stall", data["part"], data.get("other", EVERYBODY))


def state_of(rules: Iterable[Rule], source: str | None, target: str) -> State:
    """The harsher one wins."""
    kinds = {rule.kind for rule in rules if rule.concerns(source, target)}
    return "cut" if "cut" in kinds else "stall" if "stall" in kinds else "open"
