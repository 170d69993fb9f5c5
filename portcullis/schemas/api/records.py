"""What happened, and what happens: the audit and the live feed."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    REVISION,
    TEXT,
    TIME,
    Doc,
    Shapes,
    array,
    mapping,
    nullable,
    one_of,
    ref,
    thing,
)

_EVENTS = thing({"items": array(ref("Event")), "before": TEXT}, {"missing": array(TEXT)})
_SEARCH: Shapes = {
    "type": {**TEXT, "description": "Several with commas."},
    "user": TEXT,
    "object": {**TEXT, "description": "kind:name"},
    "code": TEXT,
    "reference": TEXT,
    "text": TEXT,
    "from": {**TEXT, "description": "Seconds since 1970, or ISO 8601."},
    "to": {**TEXT, "description": "Seconds since 1970, or ISO 8601."},
    "limit": {"type": "integer", "minimum": 1},
    "before": {**TEXT, "description": "Of the page before."},
    "format": one_of("json", "jsonl", "csv"),
    "steps": one_of("yes", "no"),
}

SHAPES = {
    "Event": thing(
        {
            "id": TEXT,
            "time": TIME,
            "tenant": nullable(TEXT),
            "type": TEXT,
            "actor": thing({"user": TEXT, "id": TEXT, "token": TEXT, "address": TEXT}),
            "object": thing({"kind": TEXT, "id": TEXT, "name": TEXT}),
            "code": TEXT,
            "reason": TEXT,
            "revision": REVISION,
            "reference": TEXT,
            "detail": mapping({}),
        }
    ),
}

DOCS = {
    "GET /api/v1/admin/audit": Doc("Search what happened in the tenant.", _EVENTS, query=_SEARCH),
    "GET /api/v1/platform/audit": Doc("Search what happened on the site.", _EVENTS, query=_SEARCH),
    "GET /api/v1/openapi.json": Doc(
        "This description.", thing({"openapi": TEXT, "paths": mapping({}), "components": mapping({})})
    ),
    "GET /api/v1/admin/feed": Doc(
        "What changes, as events `changed` with the kinds; at most one a second.",
        media=("text/event-stream",),
    ),
}
