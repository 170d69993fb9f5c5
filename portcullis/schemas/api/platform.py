"""Tenants: of the site for platform administrators, and one's own."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    COUNT,
    EMPTY,
    FLAG,
    ID,
    NUMBER,
    REVISION,
    TEXT,
    TIME,
    Doc,
    array,
    body,
    items,
    nullable,
    one_of,
    ref,
    text,
    thing,
)

_QUOTAS = {
    "sessions": nullable(COUNT),
    "launches_per_second": nullable(NUMBER),
    "logins_per_second": nullable(NUMBER),
}
_HEAD = {
    "id": ID,
    "name": TEXT,
    "title": TEXT,
    "theme": thing({"accent": nullable(TEXT), "logo": nullable(TEXT)}),
    "host_names": array(TEXT),
    "quotas": thing(_QUOTAS),
    "revision": REVISION,
}
_SETTINGS = {
    "title": nullable(text(64, shortest=0)),
    "theme": body({}, {"accent": nullable(text(7)), "logo": nullable(ref("NewIcon"))}),
    "host_names": array(text(253), 16),
    "quotas": body({}, _QUOTAS),
    "revision": REVISION,
}
_TENANT = thing({"tenant": ref("Tenant")})

SHAPES = {
    "Tenant": thing(
        {
            **_HEAD,
            "suspended": FLAG,
            "users": COUNT,
            "sessions": COUNT,
            "hosts": array(TEXT),
            "entry": nullable(TIME),
        }
    ),
    "OwnTenant": thing({**_HEAD, "entries": array(ref("Entry"))}),
    "Entry": thing({"user": TEXT, "reason": TEXT, "created": TIME, "until": TIME}),
    "HostOfSite": thing(
        {
            "id": ID,
            "name": TEXT,
            "tenants": array(TEXT),
            "isolation": TEXT,
            "online": FLAG,
            "slots": COUNT,
        }
    ),
}

_OUTCOME = thing(
    {"tenant": ref("Tenant"), "outcome": one_of("created", "changed", "unchanged")},
    {"enrolment": ref("Enrolment")},
)

DOCS = {
    "GET /api/v1/admin/tenant": Doc("The tenant's own settings, and who has entered it.", ref("OwnTenant")),
    "PUT /api/v1/admin/tenant": Doc(
        "Change title and theme; host names and quotas want `platform.tenants.write`.",
        ref("OwnTenant"),
        body({}, _SETTINGS),
    ),
    "GET /api/v1/platform/tenants": Doc("List tenants.", items(ref("Tenant")), listed=True),
    "GET /api/v1/platform/tenants/{name}": Doc("One tenant, from outside.", ref("Tenant")),
    "PUT /api/v1/platform/tenants/{name}": Doc(
        "Make a tenant (`administrator` is invited, the link answered once) or change it.",
        _OUTCOME,
        body({}, {**_SETTINGS, "administrator": nullable(text(256))}),
        more={201: _OUTCOME},
    ),
    "DELETE /api/v1/platform/tenants/{name}": Doc(
        "Delete a tenant: sessions end, its data key is destroyed. `confirm` repeats the name, here or in the body.",
        thing({"deleted": FLAG}),
        more={202: thing({"deleted": FLAG})},
        query={"confirm": TEXT},
    ),
    "POST /api/v1/platform/tenants/{name}/suspend": Doc(
        "Let nobody of a tenant in; sessions are logged off.", _TENANT, EMPTY
    ),
    "POST /api/v1/platform/tenants/{name}/resume": Doc("Let a suspended tenant in again.", _TENANT, EMPTY),
    "POST /api/v1/platform/tenants/{name}/entry": Doc(
        "Enter a tenant for a while; it sees who and why.",
        thing({"until": TIME}),
        body({"reason": text(200), "minutes": {"type": "integer", "minimum": 1, "maximum": 60}}),
    ),
    "DELETE /api/v1/platform/tenants/{name}/entry": Doc("Leave a tenant.", status=204),
    "GET /api/v1/platform/hosts": Doc(
        "List the hosts of the site with the tenants that each serves.", items(ref("HostOfSite")), listed=True
    ),
    "PUT /api/v1/platform/hosts/{name}/tenants": Doc(
        "Say which tenants a host serves, all of them.",
        thing({"host": ref("HostOfSite")}),
        body({"tenants": array(text(64), 1000)}),
    ),
}
