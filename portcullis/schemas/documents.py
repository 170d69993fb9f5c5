"""What documents of configuration look like, as JSON Schema 2020-12: one table for editors, the CLI and the broker.

`documents_schema` is what `portcullis schema` prints (kept as documents.json beside this file). A schema says of each
value what is expected there, in words (`x-expected`), so that whoever checks needs no texts of their own
(`portcullis.schemas.checking`). In files an icon is a name or a file; in requests it is its content, or the hash of
one that was sent before. Pure.
"""

from __future__ import annotations

import json

from portcullis.schemas.kinds.application import application
from portcullis.schemas.kinds.people import entitlement, group_document, host_group, role, tenant, user
from portcullis.schemas.kinds.policy import policy
from portcullis.schemas.kinds.values import FILE_ICON, LABELS, SENT_ICON, said
from portcullis.schemas.shapes import Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def kinds(*, in_files: bool) -> dict[str, Schema]:
    """The schema of every kind of document, in the order in which kinds depend on each other."""
    icon = FILE_ICON if in_files else SENT_ICON
    by_kind = {
        "tenant": tenant(icon),
        "role": role(),
        "group": group_document(),
        "user": user(),
        "host-group": host_group(),
        "application": application(icon),
        "entitlement": entitlement(),
        "policy": policy(),
    }
    return {kind: _with_kind(kind, schema) for kind, schema in by_kind.items()}


def _with_kind(kind: str, schema: Schema) -> Schema:
    properties = {"kind": said(kind, const=kind), **schema["properties"], "labels": LABELS}
    return {**schema, "properties": properties, "required": ["kind", *schema.get("required", ())]}


FILE_KINDS = kinds(in_files=True)
SENT_KINDS = kinds(in_files=False)
KINDS = tuple(FILE_KINDS)


def documents_schema() -> Schema:
    """Of one document, or of a list of them, in a file."""
    chosen = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{kind}"},
        }
        for kind in KINDS
    ]
    document = {
        "type": "object",
        "properties": {"kind": {"enum": list(KINDS), "description": "What the document describes."}},
        "required": ["kind"],
        "allOf": chosen,
    }
    return {
        "$schema": DIALECT,
        "title": "Portcullis: documents of configuration",
        "if": {"type": "array"},
        "then": {"items": {"$ref": "#/$defs/document"}},
        "else": {"$ref": "#/$defs/document"},
        "$defs": {"document": document, **FILE_KINDS},
    }


def as_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2) + "\n"
