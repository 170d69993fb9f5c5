"""The table of docs/policies.md, made of FIELDS: `python -m portcullis.model.policy_page` prints it."""

from __future__ import annotations

import json

from portcullis.model.policy import FIELDS, PolicyField

_HEAD = "| field | value | built in | meaning | of two groups |\n| --- | --- | --- | --- | --- |"
_TIGHTER: dict[str, str] = {
    "networks": "fewer addresses",
    "hours": "fewer minutes a week",
    "time_zone": "that of the group whose `hours` count; else the first by the alphabet",
    "minutes": "fewer minutes; 0 is the most",
    "count": "fewer; null is the most",
}


def table() -> str:
    return "\n".join((_HEAD, *map(_row, FIELDS.values())))


def _row(field: PolicyField) -> str:
    choices = field.value.choices
    expected = ", ".join(f'`"{choice}"`' for choice in choices) if choices else field.value.expected
    tighter = ", ".join(f"`{choice}`" for choice in choices) + ": the first of them" if choices else ""
    cells = (
        f"`{field.name}`",
        expected,
        f"`{json.dumps(field.default)}`",
        field.meaning,
        tighter or _TIGHTER[field.kind],
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(table())
