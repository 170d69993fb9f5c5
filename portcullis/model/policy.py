"""What a policy may say, and which value counts. Pure.

FIELDS is the table of everything that a policy can set: docs/policies.md, the API, the CLI and the console are made
from it. A value stands at a *level*; from the most general to the most special one these are the built-in default, the
tenant, the user's groups, the application and the user. The most special level that sets a field decides, unless a
level above has locked it. Of several groups, which are one level, the tightest value counts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from portcullis.errors import InvalidInput
from portcullis.model.desktops import LEVELS as DESKTOP_LEVELS
from portcullis.model.policy_values import (
    ACCESS_HOURS,
    COUNT,
    MINUTES,
    NETWORKS,
    TIME_ZONE,
    Kind,
    ValueKind,
)

LevelKind = Literal["built-in", "tenant", "group", "application", "user"]
LEVELS: tuple[LevelKind, ...] = get_args(LevelKind)
"""The most general first."""
SETTABLE_LEVELS: tuple[LevelKind, ...] = LEVELS[1:]
BUILT_IN = "built-in"
OF_TENANT = "-"
"""What stands for the tenant where the other levels have a name."""


@dataclass(frozen=True, slots=True)
class PolicyField:
    """`kind` says what a value looks like and which of two is the tighter (`portcullis.model.policy_values`)."""

    name: str
    value: ValueKind
    default: Any
    meaning: str
    beside: str | None = None
    """It belongs to this field, which stands before it: of several groups, the one counts that decides there."""

    @property
    def kind(self) -> Kind:
        return self.value.kind

    def parse(self, raw: object, field: str | None = None) -> Any:
        """The value in the one form that is kept. Raises InvalidInput naming `field`."""
        return self.value.parse(raw, field or self.name)

    def tighter(self, one: Any, other: Any) -> Any:
        """Whichever allows less. Of two that allow as much it is always the same one, whatever their order."""
        return min(one, other, key=self.tightness)

    def tightness(self, value: Any) -> tuple[float, str]:
        """The smaller, the tighter; different values never have the same."""
        return self.value.looseness(value), canonical(value)


FIELDS: dict[str, PolicyField] = {
    each.name: each
    for each in (
        PolicyField(
            "networks",
            NETWORKS,
            [],
            "Networks that one may launch and attach from; with none, from anywhere. Whoever is elsewhere is "
            "disconnected when the policy changes, and when they move, within 5 minutes. Applications go on.",
        ),
        PolicyField(
            "hours",
            ACCESS_HOURS,
            [],
            "When one may launch and attach; with none, always. When they are over, connections end and applications "
            "go on. `to` before `from` is on the next day: the days are those on which it begins.",
        ),
        PolicyField(
            "time_zone",
            TIME_ZONE,
            "UTC",
            "Of `hours`: the clock on the wall there, summer time included.",
            beside="hours",
        ),
        PolicyField(
            "second_factor_minutes",
            MINUTES,
            0,
            "Launching needs a verification code that was given within so many minutes; with 0 that of the sign-in is "
            "enough. API tokens, which have no second factor, cannot launch then.",
        ),
        PolicyField(
            "sessions",
            COUNT,
            None,
            "How many sessions a user may have at once; with null the broker's setting `--sessions-per-user` counts.",
        ),
        PolicyField(
            "idle_minutes",
            MINUTES,
            0,
            "A session is logged off after so many minutes without input from its user; with 0 never.",
        ),
        PolicyField(
            "disconnected_minutes",
            MINUTES,
            0,
            "A session is logged off after so many minutes without a connection; with 0 never.",
        ),
        PolicyField(
            "clipboard",
            ValueKind.choice("none", "to_application", "from_application", "both"),
            "both",
            "Which way text may be copied and pasted.",
        ),
        PolicyField(
            "desktops",
            ValueKind.choice(*DESKTOP_LEVELS),
            "document",
            "Existing desktops: none at all; only after whoever is there was asked, and only to see (view); only after "
            "they were asked (ask); as each application says (document).",
        ),
        PolicyField(
            "host_choice",
            ValueKind.choice("pack", "spread"),
            "spread",
            "Of the hosts that can take a session: the least loaded one (spread), or the fullest one, so that others "
            "stay empty (pack).",
        ),
    )
}
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What stands at one level of one object: the values that it sets and the fields that it locks."""

    values: Mapping[str, Any] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    """Levels below cannot change them. A field that is locked and not set has the value from above."""

    @property
    def is_empty(self) -> bool:
        return not self.values and not self.locked

    def to_json(self) -> dict[str, Any]:
        return {"values": dict(self.values), "locked": sorted(self.locked)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Policy:
        """Fields of a later version are passed over, and so are values that this one cannot read."""
        values: dict[str, Any] = {}
        for name, raw in data.get("values", {}).items():
            if name in FIELDS and (value := _readable(FIELDS[name], raw)) is not _UNREADABLE:
                values[name] = value
        return cls(values, frozenset(data.get("locked", ())) & FIELDS.keys())


_UNREADABLE = object()


def _readable(field: PolicyField, raw: object) -> Any:
    try:
        return field.parse(raw)
    except InvalidInput:
        return _UNREADABLE


def parse_values(raw: object, field: str = "values") -> dict[str, Any]:
    """What somebody wrote. Raises InvalidInput naming the field inside."""
    if not isinstance(raw, Mapping):
        raise InvalidInput(field, "an object of fields and their values")
    parsed: dict[str, Any] = {}
    for name, value in raw.items():
        known = _known(name, f"{field}.{name}")
        parsed[known.name] = known.parse(value, f"{field}.{name}")
    return parsed


def parse_locked(raw: object, field: str = "locked") -> frozenset[str]:
    """Raises InvalidInput naming the place."""
    if not isinstance(raw, list):
        raise InvalidInput(field, "a list of fields")
    return frozenset(_known(name, f"{field}[{index}]").name for index, name in enumerate(raw))


def _known(name: object, place: str) -> PolicyField:
    if not isinstance(name, str) or name not in FIELDS:
        raise InvalidInput(place, f"a field of policies: {', '.join(FIELDS)}")
    return FIELDS[name]


@dataclass(frozen=True, slots=True)
class Level:
    """One of the policies that concern somebody. `name` is the object's, as people know it."""

    kind: LevelKind
    name: str
    policy: Policy

    @property
    def label(self) -> str:
        """Such as `group:staff`."""
        return self.kind if self.kind in ("built-in", "tenant") else f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Effective:
    """What counts, the level that set it and, if one did, the level that locked it: labels as `group:staff`."""

    value: Any
    origin: str = BUILT_IN
    locked_by: str | None = None
    ignored: tuple[str, ...] = ()
    """Levels that set or lock the field below a lock: kept, and without effect."""


def effective(levels: Iterable[Level]) -> dict[str, Effective]:
    """For every field of FIELDS. `levels` in any order; levels of one kind (groups) count together."""
    by_kind: dict[str, list[Level]] = {}
    for level in levels:
        if not level.policy.is_empty:
            by_kind.setdefault(level.kind, []).append(level)
    in_order = [by_kind[kind] for kind in LEVELS if kind in by_kind]
    found: dict[str, Effective] = {}
    for name, each in FIELDS.items():
        found[name] = _effective(each, in_order, found[each.beside].origin if each.beside else "")
    return found


def _effective(field: PolicyField, in_order: Sequence[Collection[Level]], preferred: str) -> Effective:
    """`preferred`: the label of the level that counts where several of one kind set the field."""
    name, value, origin = field.name, field.default, BUILT_IN
    locked_by: str | None = None
    ignored: list[str] = []

    def rank(level: Level) -> tuple[bool, tuple[float, str], str]:
        return level.label != preferred, field.tightness(level.policy.values[name]), level.label

    for same in in_order:
        setting = [level for level in same if name in level.policy.values]
        locking = [level.label for level in same if name in level.policy.locked]
        if locked_by is not None:
            ignored += sorted({level.label for level in setting} | set(locking))
            continue
        if setting:
            chosen = min(setting, key=rank)
            value, origin = chosen.policy.values[name], chosen.label
        if locking:
            locked_by = origin if origin in locking else min(locking)
    return Effective(value, origin, locked_by, tuple(ignored))


def defaults() -> dict[str, Effective]:
    """Where nothing is set."""
    return {name: Effective(field.default) for name, field in FIELDS.items()}


def canonical(value: Any) -> str:
    """Equal values have equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
