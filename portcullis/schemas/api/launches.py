"""Why launches came out as they did, and how one would."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    ANYTHING,
    FLAG,
    NUMBER,
    REVISION,
    TEXT,
    TIME,
    Doc,
    Shapes,
    array,
    body,
    nullable,
    one_of,
    ref,
    text,
    thing,
)

_WHEREABOUTS: Shapes = {
    "id": TEXT,
    "outcome": one_of("launched", "reconnected", "refused", "failed"),
    "client_address": TEXT,
    "host": TEXT,
    "session": TEXT,
}

SHAPES = {
    "Step": thing(
        {
            "name": TEXT,
            "outcome": one_of("passed", "failed", "info", "skipped"),
            "code": TEXT,
            "reason": TEXT,
            "object": TEXT,
            "milliseconds": NUMBER,
            "score": nullable(NUMBER),
            "step": TEXT,
            "detail": TEXT,
        }
    ),
    "Circumstances": thing(
        {"client_address": TEXT, "factor_age_minutes": nullable(NUMBER), "user_agent": TEXT}
    ),
    "LaunchTrace": thing(
        {
            "reference": TEXT,
            "time": TIME,
            "user": TEXT,
            "application": TEXT,
            "code": TEXT,
            "message": TEXT,
            "revision": REVISION,
            "circumstances": nullable(ref("Circumstances")),
            **_WHEREABOUTS,
            "steps": array(ref("Step")),
            "remedy": nullable(TEXT),
            "now": nullable(ref("Simulation")),
            "changes": array(ANYTHING),
        }
    ),
    "PastLaunch": thing(
        {
            "reference": TEXT,
            "time": TIME,
            "user": TEXT,
            "application": TEXT,
            "code": TEXT,
            "message": TEXT,
            "revision": REVISION,
            "circumstances": nullable(ref("Circumstances")),
            **_WHEREABOUTS,
        }
    ),
    "Simulation": thing(
        {
            "verdict": one_of("launches", "reconnects", "refused"),
            "code": TEXT,
            "message": TEXT,
            "remedy": nullable(TEXT),
            "reference": nullable(TEXT),
            "revision": REVISION,
            "user": TEXT,
            "application": TEXT,
            "time": TIME,
            "milliseconds": NUMBER,
            "steps": array(ref("Step")),
        }
    ),
}

_ASKED: Shapes = {
    "user": TEXT,
    "application": TEXT,
    "code": TEXT,
    "outcome": one_of("launched", "refused", "failed"),
    "from": TIME,
    "to": TIME,
    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
    "before": {**TEXT, "description": "Of the page before."},
}

DOCS = {
    "GET /api/v1/admin/launches": Doc(
        "Launches of the past, the newest first.",
        thing({"items": array(ref("PastLaunch")), "before": TEXT, "missing": array(TEXT)}),
        query=_ASKED,
    ),
    "GET /api/v1/admin/launches/{reference}": Doc(
        "The trace behind the reference that a user was shown.", ref("LaunchTrace")
    ),
    "POST /api/v1/admin/simulations": Doc(
        "Simulate a launch, step by step; changes nothing.",
        ref("Simulation"),
        body(
            {"user": text(256), "application": text(256, "Its name or id.")},
            {
                "context": body(
                    {},
                    {
                        "client_address": nullable(text(64)),
                        "time": nullable(TIME),
                        "factor_age_minutes": nullable(NUMBER),
                        "time_zone": text(64),
                        "dry_run": FLAG,
                    },
                )
            },
        ),
    ),
}
