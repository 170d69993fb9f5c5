"""Configuration as files, its history, and what a change would do. Documents: portcullis/schemas/documents.py."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    ANYTHING,
    COUNT,
    FLAG,
    HASH,
    REVISION,
    TEXT,
    TIME,
    Doc,
    array,
    body,
    mapping,
    nullable,
    one_of,
    ref,
    text,
    thing,
)

_ACCESS = array(thing({"user": TEXT, "application": TEXT}))
_PLANNED = {"revision": REVISION, "changes": array(ref("Change")), "access": ref("AccessChange")}
_APPLIED = thing({**_PLANNED, "change": TEXT})
_REPLAYED = {
    "applications": array(ANYTHING),
    "applications_count": COUNT,
    "hosts": array(ANYTHING),
    "launches": nullable(thing({"replayed": COUNT, "changed": array(ANYTHING), "changed_count": COUNT})),
    "replayed": thing({"entitlements": COUNT, "launches": COUNT}),
}
_PROPOSED = body(
    {"action": one_of("create", "change", "delete"), "kind": TEXT},
    {"name": TEXT, "fields": mapping(ANYTHING)},
)
_DOCUMENTS = {
    "text": nullable({**TEXT, "description": "Documents in YAML or JSON, instead of `documents`."}),
    "documents": array(ref("Document")),
    "delete": array(body({"kind": TEXT, "name": TEXT})),
    "prune": nullable({**mapping(TEXT), "description": "Labels: what has them and is in no document goes."}),
}
_REASON = nullable(text(500, "Stands in history."))

SHAPES = {
    "Document": thing({"kind": TEXT}),
    "FieldChange": thing({"field": TEXT, "from": ANYTHING, "to": ANYTHING}),
    "Change": thing(
        {
            "action": one_of("create", "change", "delete"),
            "kind": TEXT,
            "name": TEXT,
            "fields": array(ref("FieldChange")),
        }
    ),
    "AccessChange": thing({"gained": _ACCESS, "lost": _ACCESS, "gained_count": COUNT, "lost_count": COUNT}),
    "HistoryEntry": thing(
        {
            "revision": REVISION,
            "time": TIME,
            "author": TEXT,
            "reason": TEXT,
            "kind": TEXT,
            "name": TEXT,
            "action": TEXT,
            "fields": array(ANYTHING),
        }
    ),
}

DOCS = {
    "POST /api/v1/admin/configuration/plan": Doc(
        "What applying documents would change, and who would gain or lose access.",
        thing(_PLANNED),
        body({}, _DOCUMENTS),
    ),
    "POST /api/v1/admin/configuration/apply": Doc(
        "Apply documents, all of them or none. Refused where something changed since `revision`.",
        _APPLIED,
        body({}, {**_DOCUMENTS, "revision": REVISION, "reason": _REASON}),
    ),
    "GET /api/v1/admin/configuration/export": Doc(
        "The configuration as documents.",
        thing({"revision": REVISION, "documents": array(ref("Document"))}),
        query={"kinds": {**TEXT, "description": "Some, with commas; else all."}},
    ),
    "POST /api/v1/admin/configuration/icons": Doc(
        "Send an icon ahead, which documents name by its hash.",
        thing({"hash": HASH}),
        ref("NewIcon"),
        status=201,
    ),
    "POST /api/v1/admin/what-if": Doc(
        "What a change would mean: who gains and loses what, what policies say to whom, how full hosts get, and which "
        "of last week's launches would end otherwise. With `Accept: text/event-stream` it tells its progress.",
        thing({**_PLANNED, **_REPLAYED}),
        body(
            {},
            {
                **_DOCUMENTS,
                "changes": array(_PROPOSED),
                "replay": one_of("entitlements", "launches", "both"),
            },
        ),
    ),
    "GET /api/v1/admin/history": Doc(
        "Who changed what, the newest first.",
        thing({"items": array(ref("HistoryEntry"))}),
        query={
            "kind": TEXT,
            "name": TEXT,
            "author": TEXT,
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
            "before": REVISION,
        },
    ),
    "POST /api/v1/admin/history/rollback": Doc(
        "Take everything back to how it was at a revision. `dry`: only the plan.",
        thing(_PLANNED, {"change": TEXT}),
        body({"revision": REVISION}, {"dry": FLAG, "reason": _REASON}),
    ),
}
