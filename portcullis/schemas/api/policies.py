"""Policies, and the values that are in force with where they come from."""

from __future__ import annotations

from portcullis.model.policy import FIELDS, SETTABLE_LEVELS
from portcullis.schemas.shapes import (
    ANYTHING,
    REVISION,
    TEXT,
    Doc,
    array,
    body,
    items,
    mapping,
    nullable,
    one_of,
    ref,
    thing,
)

_FIELD = one_of(*FIELDS)

SHAPES = {
    "Policy": thing(
        {
            "level": one_of(*SETTABLE_LEVELS),
            "name": TEXT,
            "values": mapping(ANYTHING),
            "locked": array(_FIELD),
            "ineffective": array(thing({"field": _FIELD, "locked_by": TEXT})),
            "revision": REVISION,
        }
    ),
    "PolicyField": thing(
        {
            "name": _FIELD,
            "kind": TEXT,
            "default": ANYTHING,
            "meaning": TEXT,
            "expected": TEXT,
            "choices": array(TEXT),
        }
    ),
    "EffectiveValue": thing(
        {
            "name": _FIELD,
            "value": ANYTHING,
            "origin": TEXT,
            "locked_by": nullable(TEXT),
            "ignored": array(ANYTHING),
            "meaning": TEXT,
        }
    ),
}

DOCS = {
    "GET /api/v1/admin/policies": Doc("List the policies that are set.", items(ref("Policy")), listed=True),
    "GET /api/v1/admin/policies/fields": Doc(
        "What a policy can set.", items(ref("PolicyField"), {"levels": array(TEXT)})
    ),
    "GET /api/v1/admin/policies/effective": Doc(
        "What counts for a user and an application, and which level says so.",
        thing(
            {
                "user": nullable(TEXT),
                "application": nullable(TEXT),
                "groups": array(TEXT),
                "fields": array(ref("EffectiveValue")),
            }
        ),
        query={"user": TEXT, "application": TEXT},
    ),
    "GET /api/v1/admin/policies/{level}/{name}": Doc(
        "The policy of one level: `tenant/-`, or of a group, an application, a user.",
        thing({"policy": ref("Policy")}),
    ),
    "PUT /api/v1/admin/policies/{level}/{name}": Doc(
        "Set a policy, the whole of it. It reaches sessions that run.",
        thing({"policy": ref("Policy")}),
        body({}, {"values": mapping(ANYTHING), "locked": array(_FIELD), "revision": nullable(REVISION)}),
    ),
    "DELETE /api/v1/admin/policies/{level}/{name}": Doc("Take a policy away.", status=204),
}
