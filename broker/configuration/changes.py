"""A change of one object, and what is different field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from broker.configuration.objects import DEFAULTS, Fields, Held

Action = Literal["create", "change", "delete"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`before`, `after`: None where there is nothing."""

    field: str
    before: Any
    after: Any

    def to_json(self) -> dict[str, Any]:
        return {"field": self.field, "from": self.before, "to": self.after}


@dataclass(frozen=True, slots=True)
class Change:
    action: Action
    kind: str
    name: str
    before: Held | None
    after: Held | None
    document: int | None = field(default=None, compare=False)
    """Which document asks for it."""

    @property
    def fields(self) -> list[FieldChange]:
        """Of a new object those that are not what they are anyway."""
        found = differences(_all_of(self.before), _all_of(self.after))
        usual = dict(_flat(DEFAULTS[self.kind])) if self.action == "create" else {}
        return [
            change for change in found if change.field not in usual or usual[change.field] != change.after
        ]

    def to_json(self) -> dict[str, Any]:
        shown = [change.to_json() for change in self.fields] if self.action != "delete" else []
        return {"action": self.action, "kind": self.kind, "name": self.name, "fields": shown}


def change_of(before: Held | None, after: Held | None, document: int | None = None) -> Change | None:
    """None where they say the same."""
    if before is None and after is not None:
        return Change("create", after.kind, after.name, None, after, document)
    if before is not None and after is None:
        return Change("delete", before.kind, before.name, before, None, document)
    if before is None or after is None or _all_of(before) == _all_of(after):
        return None
    return Change("change", after.kind, after.name, before, after, document)


def differences(before: Fields, after: Fields) -> list[FieldChange]:
    """By the path of each field; a list is one value. What is empty on both sides is left out."""
    one, other = dict(_flat(before)), dict(_flat(after))
    return [
        FieldChange(path, one.get(path), other.get(path))
        for path in dict.fromkeys((*other, *one))
        if one.get(path) != other.get(path) and not _is_nothing(path, one.get(path), other.get(path))
    ]


def _flat(fields: Fields, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        inner = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _flat(value, inner)
        else:
            yield inner, value


def _is_nothing(path: str, *values: Any) -> bool:
    """Absent or empty is the same, but in a policy, where an empty list overrides another one."""
    return not path.startswith("values.") and all(value is None or value in ([], "") for value in values)


def _all_of(held: Held | None) -> Fields:
    if held is None:
        return {}
    return {**held.fields, "labels": held.labels} if held.labels else held.fields
