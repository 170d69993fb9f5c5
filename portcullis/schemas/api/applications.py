"""Publishing applications, and who may start them."""

from __future__ import annotations

from portcullis.model.desktops import CONSENTS
from portcullis.model.rdp import CREDENTIAL_SOURCES, SECURITIES
from portcullis.schemas.shapes import (
    COUNT,
    FLAG,
    ID,
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
    text,
    thing,
)

_ENTITLED = {"users": array(TEXT), "groups": array(TEXT)}
_RDP = {
    "server": text(253),
    "port": COUNT,
    "user_name": text(256, shortest=0),
    "domain": text(255, shortest=0),
    "security": one_of(*SECURITIES),
    "certificate": text(95, "SHA-256, hexadecimal; empty: the system's CAs decide.", shortest=0),
    "credentials": one_of(*CREDENTIAL_SOURCES),
    "program": text(260, shortest=0),
    "gateway": text(253, shortest=0),
    "gateway_certificate": text(95, shortest=0),
    "load_balance_info": text(512, shortest=0),
}
"""In place of a command (docs/rdp.md)."""

_WINE = {"template": text(32), "program": text(260), "arguments": array(text(4096, shortest=0), 64)}
"""In place of a command (docs/wine.md)."""
_DESKTOP = {
    "display": text(16, "`console`, or a display such as `:0`."),
    "consent": one_of(*CONSENTS),
    "account": text(256, "Of `own`; {user} stands for the user's name."),
    "view_only": FLAG,
    "shared": FLAG,
    "answer_seconds": COUNT,
}
"""In place of a command (docs/desktops.md)."""

SHAPES = {
    "Application": thing(
        {
            "id": ID,
            "name": TEXT,
            "command": array(TEXT),
            "environment": mapping(TEXT),
            "entitled": thing(_ENTITLED),
            "icon": nullable(TEXT),
            "disabled": FLAG,
            "host_groups": array(TEXT),
            "minimum_memory_bytes": COUNT,
        },
        {
            "revision": REVISION,
            "rdp": nullable(thing(_RDP)),
            "wine": nullable(thing(_WINE)),
            "desktop": nullable(thing(_DESKTOP)),
        },
    ),
    "NewIcon": body({"content_type": one_of("image/png", "image/svg+xml"), "data": text(44_000, "Base64.")}),
    "Installed": thing(
        {
            "id": TEXT,
            "name": TEXT,
            "suggested_name": TEXT,
            "command": array(TEXT),
            "comment": TEXT,
            "categories": array(TEXT),
            "mime_types": array(TEXT),
            "keywords": array(TEXT),
            "window_class": TEXT,
            "working_directory": TEXT,
            "terminal": FLAG,
            "icon": FLAG,
            "published": array(TEXT),
            "host": TEXT,
            "missing": array(TEXT),
        }
    ),
    "Entitled": thing(
        {"application": TEXT, "name": TEXT, "by_name": FLAG, "groups": array(TEXT), "disabled": FLAG}
    ),
}

DOCS = {
    "GET /api/v1/admin/applications": Doc(
        "List published applications.", items(ref("Application")), listed=True
    ),
    "PUT /api/v1/admin/applications/{name}": Doc(
        "Publish an application, or change it to be as told. An absent icon keeps the old one.",
        thing({"application": ref("Application"), "outcome": one_of("created", "changed", "unchanged")}),
        body(
            {"entitled": body({}, _ENTITLED)},
            {
                "command": array(text(4096), 64),
                "rdp": nullable(body({"server": _RDP["server"]}, _RDP)),
                "wine": nullable(body({"template": _WINE["template"], "program": _WINE["program"]}, _WINE)),
                "desktop": nullable(body({}, _DESKTOP)),
                "icon": nullable(ref("NewIcon")),
                "environment": mapping(TEXT),
                "disabled": FLAG,
                "host_groups": array(TEXT, 64),
                "minimum_memory_bytes": COUNT,
                "revision": REVISION,
            },
        ),
    ),
    "DELETE /api/v1/admin/applications/{name}": Doc("Take it away; running sessions go on.", status=204),
    "GET /api/v1/admin/installed": Doc(
        "What the menus of a `host` would show, or of the hosts of a `host_group`; what of it is published.",
        items(
            ref("Installed"),
            {"hosts": array(thing({"name": TEXT, "outcome": TEXT, "left_out": COUNT}))},
        ),
        query={"host": TEXT, "host_group": TEXT, "locale": TEXT},
        listed=True,
    ),
    "GET /api/v1/admin/installed/icons": Doc(
        "Icons of what a `host` has installed, as PNG: of up to 12 ids, `application`.",
        items(thing({"id": TEXT, "icon": ref("NewIcon")})),
        query={"host": TEXT, "application": TEXT},
    ),
    "GET /api/v1/admin/entitlements": Doc(
        "Who may start what: of one `application`, `user` or `group`.",
        items(ref("Entitled")),
        query={"application": TEXT, "user": TEXT, "group": TEXT},
        listed=True,
    ),
}
