"""A policy: what its fields may be, and which more special levels cannot change."""

from __future__ import annotations

from portcullis.model.names import MAXIMUM_NAME_LENGTH
from portcullis.model.policy import FIELDS, SETTABLE_LEVELS
from portcullis.model.policy_values import (
    DAYS,
    MAXIMUM_COUNT,
    MAXIMUM_MINUTES,
    MAXIMUM_NETWORKS,
    MAXIMUM_WINDOWS,
)
from portcullis.schemas.kinds.values import list_of, mapping, said
from portcullis.schemas.shapes import Schema


def _value(field: str) -> Schema:
    about = {"description": FIELDS[field].meaning, "x-expected": FIELDS[field].value.expected}
    rules: dict[str, Schema] = {
        "networks": {"type": "array", "maxItems": MAXIMUM_NETWORKS, "items": {"type": "string"}},
        "hours": {
            "type": "array",
            "maxItems": MAXIMUM_WINDOWS,
            "items": {
                "type": "object",
                "properties": {
                    "days": {"type": "array", "minItems": 1, "items": {"enum": list(DAYS)}},
                    "from": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
                    "to": {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"},
                },
                "required": ["days", "from", "to"],
                "additionalProperties": False,
            },
        },
        "time_zone": {"type": "string"},
        "minutes": {"type": "integer", "minimum": 0, "maximum": MAXIMUM_MINUTES},
        "count": {"type": ["integer", "null"], "minimum": 0, "maximum": MAXIMUM_COUNT},
        "choice": {"enum": list(FIELDS[field].value.choices)},
    }
    return about | rules[FIELDS[field].kind]


def policy() -> Schema:
    values = mapping("a mapping of fields to values", {name: _value(name) for name in FIELDS})
    locked = list_of(
        said(f"one of {', '.join(FIELDS)}", enum=list(FIELDS)),
        "a list of fields",
        len(FIELDS),
        about="More special levels cannot change these.",
    )
    schema = mapping(
        "a mapping with kind: policy",
        {
            "level": said(f"one of {', '.join(SETTABLE_LEVELS)}", enum=list(SETTABLE_LEVELS)),
            "of": said(
                "the name of the group, application or user",
                type="string",
                minLength=1,
                maxLength=MAXIMUM_NAME_LENGTH,
            ),
            "values": values,
            "locked": locked,
        },
        ("level",),
    )
    of_tenant = {"properties": {"level": {"const": "tenant"}}}
    schema["if"] = {**of_tenant, "required": ["level"]}
    schema["then"] = {"properties": {"of": said("nothing: there is one tenant", const="-")}}
    needed = said("the name of the group, application or user")
    schema["else"] = {"properties": {"of": needed}, "required": ["of"]}
    return schema
