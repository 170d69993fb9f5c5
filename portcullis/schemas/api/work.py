"""What users do: see their applications, launch them, go on with them, end them."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    COUNT,
    EMPTY,
    FLAG,
    ID,
    NAMED,
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

_TILE = {"id": ID, "name": TEXT, "icon": nullable(TEXT)}
_ASKED = thing({"kind": one_of("ask", "vault"), "user_name": nullable(TEXT), "server": TEXT, "kept": FLAG})
_ENTERED = body({"password": text(256)}, {"user_name": text(256)})

SHAPES = {
    "Tile": thing(_TILE, {"credentials": nullable(_ASKED), "desktop": nullable(thing({"asks": FLAG}))}),
    "Session": thing(
        {
            "id": ID,
            "application": ref("Tile"),
            "host": TEXT,
            "host_online": FLAG,
            "state": TEXT,
            "created": TIME,
            "device_pixel_ratio": NUMBER,
            "reference": TEXT,
        }
    ),
    "Display": body(
        {},
        {
            "width": COUNT,
            "height": COUNT,
            "device_pixel_ratio": NUMBER,
            "locale": text(256),
            "layout": text(256),
            "time_zone": text(256),
        },
    ),
}

DOCS = {
    "GET /api/v1/catalogue": Doc(
        "The caller's applications and running sessions.",
        thing(
            {
                "applications": array(ref("Tile")),
                "sessions": array(ref("Session")),
                "isolation": one_of("accounts", "none"),
            }
        ),
    ),
    "GET /api/v1/icons/{hash}": Doc("An icon by its content.", media=("image/png", "image/svg+xml")),
    "POST /api/v1/sessions": Doc(
        "Launch an application, or find the caller's running one.",
        thing({"session": ref("Session"), "reconnected": FLAG}),
        body({"application": text(64)}, {"display": ref("Display"), "credentials": nullable(_ENTERED)}),
        status=201,
    ),
    "GET /api/v1/credentials": Doc(
        "What the caller keeps for RDP servers; never a password.",
        thing(
            {"items": array(thing({"application": NAMED, "user_name": TEXT, "saved": TIME, "usable": FLAG}))}
        ),
    ),
    "PUT /api/v1/credentials/{id}": Doc(
        "Keep credentials for an application, by its id, in place of those kept before.",
        body=_ENTERED,
        status=204,
    ),
    "DELETE /api/v1/credentials/{id}": Doc("Forget what is kept for an application.", status=204),
    "GET /api/v1/sessions/{id}": Doc("One of the caller's sessions.", ref("Session")),
    "GET /api/v1/sessions/{id}/stages": Doc(
        "How its start gets on, as events `stage`, then `ready` or `failed`.", media=("text/event-stream",)
    ),
    "POST /api/v1/sessions/{id}/ticket": Doc(
        "A ticket for one connection of the stream.",
        thing({"ticket": TEXT, "expires_in_seconds": COUNT}),
        EMPTY,
    ),
    "POST /api/v1/sessions/{id}/grant": Doc(
        "Renew the right to go on, for the connection that has it.",
        thing({"grant": TEXT, "gateways": array(TEXT)}),
        body({"e": COUNT}),
    ),
    "DELETE /api/v1/sessions/{id}": Doc("Log off.", thing({}), status=202),
}
