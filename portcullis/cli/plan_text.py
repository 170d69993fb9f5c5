"""A plan as text: what is created, changed and deleted, and who gains or loses what. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portcullis.cli.output import safe

_SIGNS = {"create": "+", "change": "~", "delete": "-"}
NAMES_IN_A_LINE = 10
LONGEST_VALUE = 120


def changes_text(changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for change in changes:
        action = str(change.get("action"))
        yield f"{_SIGNS.get(action, '?')} {safe(change.get('kind'))} {safe(change.get('name'))}"
        for field in change.get("fields", ()):
            to = _value(field.get("to"))
            shown = to if action == "create" else f"{_value(field.get('from'))} -> {to}"
            yield f"    {safe(field.get('field'))}: {shown}"


def summary(changes: Iterable[Mapping[str, Any]]) -> str:
    counts = Counter(str(change.get("action")) for change in changes)
    if not counts:
        return "Nothing to change."
    return f"{counts['create']} to create, {counts['change']} to change, {counts['delete']} to delete."


def access_text(access: Mapping[str, Any]) -> Iterator[str]:
    gained, lost = access.get("gained_count", 0), access.get("lost_count", 0)
    if not gained and not lost:
        return
    yield f"Access: {gained} gained, {lost} lost (a user and an application each)."
    for sign, name in (("+", "gained"), ("-", "lost")):
        pairs = access.get(name, ())
        yield from _by_application(sign, pairs)
        more = access.get(f"{name}_count", 0) - len(pairs)
        if more > 0:
            yield f"  {sign} ... and {more} more"


def plan_text(plan: Mapping[str, Any]) -> str:
    changes = plan.get("changes", [])
    lines = [*changes_text(changes), *([""] if changes else []), summary(changes)]
    return "\n".join([*lines, *access_text(plan.get("access", {}))])


def _by_application(sign: str, pairs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    users: dict[str, list[str]] = {}
    for pair in pairs:
        users.setdefault(str(pair.get("application")), []).append(str(pair.get("user")))
    for application, names in users.items():
        more = len(names) - NAMES_IN_A_LINE
        told = ", ".join(map(safe, names[:NAMES_IN_A_LINE])) + (f" and {more} more" if more > 0 else "")
        yield f"  {sign} {safe(application)}: {told}"


def _value(value: Any) -> str:
    if value is None or value == [] or value == "":
        return "(none)"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = safe(text)
    return shown if len(shown) <= LONGEST_VALUE else shown[: LONGEST_VALUE - 3] + "..."
