"""Scheduled test launches."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    COUNT,
    FLAG,
    ID,
    NUMBER,
    TEXT,
    TIME,
    Doc,
    array,
    body,
    nullable,
    one_of,
    ref,
    text,
    thing,
)

SHAPES = {
    "ProbeResult": thing(
        {
            "state": one_of("ok", "failed", "skipped"),
            "time": TIME,
            "stages": {"type": "object", "additionalProperties": NUMBER},
            "milliseconds": NUMBER,
            "code": TEXT,
            "detail": TEXT,
            "reference": TEXT,
            "host": TEXT,
            "stage": TEXT,
            "by_password": FLAG,
            "failures": COUNT,
            "ok_time": TIME,
        }
    ),
    "Probe": thing(
        {
            "application": TEXT,
            "application_id": TEXT,
            "user": nullable(TEXT),
            "every_seconds": COUNT,
            "state": one_of("waiting", "ok", "failed", "skipped"),
            "remedy": nullable(TEXT),
            "last": nullable(ref("ProbeResult")),
        }
    ),
}

_ONE = thing({"probe": ref("Probe")})

DOCS = {
    "GET /api/v1/admin/probes": Doc(
        "The scheduled test launches, and how each went the last time.", thing({"items": array(ref("Probe"))})
    ),
    "GET /api/v1/admin/probes/{name}": Doc("That of one application.", _ONE),
    "PUT /api/v1/admin/probes/{name}": Doc(
        "Launch an application again and again, to see that it starts.",
        _ONE,
        body(
            {"user": text(256, "An account of its own, which has enrolled and is entitled.")},
            {"every_seconds": {"type": "integer", "minimum": 60, "maximum": 86400, "default": 300}},
        ),
    ),
    "POST /api/v1/admin/probe-accounts": Doc(
        "Make a user that probes sign in as, with a password and a factor that only the brokers know.",
        thing({"user": thing({"id": ID, "name": TEXT, "groups": array(TEXT)})}),
        body({"name": text(256, "Of the new user.")}, {"groups": array(TEXT)}),
        status=201,
    ),
    "DELETE /api/v1/admin/probes/{name}": Doc("Launch it no more.", thing({})),
}
