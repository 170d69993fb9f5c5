"""Words of which JSON Schemas of the REST API are made. Answers stay open: fields are added to them; bodies are closed,
as the broker refuses what it does not know. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
Shapes = Mapping[str, Schema]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TIME: Schema = {"type": "number", "description": "Seconds since 1970, by the broker's clock."}
REVISION: Schema = {
    "type": "integer",
    "minimum": 0,
    "description": "Of the grid, or of an object as it was read.",
}
ANYTHING: Schema = {}
NAMED: Schema = {"type": "object", "required": ["id", "name"], "properties": {"id": ID, "name": TEXT}}
EMPTY: Schema = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Doc:
    """What a route of the API does. `answer`: of `status`; None where it has no body. `more`: other good answers.
    `media`: of an answer that is no JSON. `listed`: takes what every list takes (docs/api.md, Lists).
    """

    summary: str
    answer: Schema | None = None
    body: Schema | None = None
    status: int = 200
    query: Shapes = field(default_factory=dict)
    more: Mapping[int, Schema] = field(default_factory=dict)
    media: tuple[str, ...] = ()
    listed: bool = False


def text(longest: int, description: str | None = None, shortest: int = 1) -> Schema:
    said = {} if description is None else {"description": description}
    return {"type": "string", "minLength": shortest, "maxLength": longest, **said}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": items, **({} if most is None else {"maxItems": most})}


def mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def ref(name: str) -> Schema:
    """One of the shapes that have a name in the description."""
    return {"$ref": f"#/components/schemas/{name}"}


def thing(required: Shapes, optional: Shapes | None = None) -> Schema:
    """Of an answer: what is there, and what may be."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def body(required: Shapes, optional: Shapes | None = None) -> Schema:
    """Of a request: nothing else."""
    return {**thing(required, optional), "additionalProperties": False}


def all_of(name: str, required: Shapes, optional: Shapes | None = None) -> Schema:
    """What has a name, and more."""
    return {"allOf": [ref(name), thing(required, optional)]}


def items(schema: Schema, more: Shapes | None = None) -> Schema:
    """The answer of a list."""
    return thing({"items": array(schema)}, {"total": COUNT, "revision": REVISION, **(more or {})})
