"""Who, or what, may do what: roles and API tokens."""

from __future__ import annotations

from portcullis.model.roles import PERMISSIONS, TENANT_PERMISSIONS
from portcullis.schemas.shapes import (
    COUNT,
    FLAG,
    ID,
    REVISION,
    TEXT,
    TIME,
    Doc,
    array,
    body,
    items,
    mapping,
    nullable,
    one_of,
    ref,
    text,
    thing,
)

SHAPES = {
    "Permission": one_of(*sorted(PERMISSIONS)),
    "Role": thing(
        {
            "name": TEXT,
            "permissions": array(ref("Permission")),
            "built_in": FLAG,
            "users": COUNT,
            "revision": REVISION,
        }
    ),
    "Token": thing(
        {
            "id": ID,
            "user": thing({"id": ID, "name": nullable(TEXT)}),
            "note": TEXT,
            "created": TIME,
            "expires": TIME,
            "permissions": nullable(array(TEXT)),
            "networks": array(TEXT),
            "enrols": FLAG,
        }
    ),
}

DOCS = {
    "GET /api/v1/admin/roles": Doc(
        "List built-in and own roles, and what each permission allows.",
        items(ref("Role"), {"permissions": mapping(TEXT)}),
        listed=True,
    ),
    "PUT /api/v1/admin/roles/{name}": Doc(
        "Make a role, or change what it allows. Nobody makes one that allows more than their own.",
        thing({"role": ref("Role"), "outcome": one_of("created", "changed", "unchanged")}),
        body(
            {"permissions": array(one_of(*sorted(TENANT_PERMISSIONS)), len(PERMISSIONS))},
            {"revision": REVISION},
        ),
    ),
    "DELETE /api/v1/admin/roles/{name}": Doc("Delete a role that no user has.", status=204),
    "GET /api/v1/admin/tokens": Doc(
        "List API tokens, by their public ids.", items(ref("Token")), listed=True
    ),
    "POST /api/v1/admin/tokens": Doc(
        "Make an API token. Its text is answered once.",
        thing({"token": TEXT, "record": ref("Token")}),
        body(
            {},
            {
                "user": nullable(text(256, "For whom it acts; the caller.")),
                "note": text(128),
                "permissions": nullable(array(ref("Permission"), len(PERMISSIONS))),
                "networks": array(text(64, "A network such as 192.0.2.0/24."), 64),
                "days": {"type": "number", "minimum": 1 / 24, "maximum": 90, "default": 90},
                "enrols": {"type": "boolean", "default": False},
            },
        ),
        status=201,
    ),
    "DELETE /api/v1/admin/tokens/{id}": Doc("Revoke an API token.", status=204),
}
