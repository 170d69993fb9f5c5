"""Users and groups."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    COUNT,
    EMPTY,
    FLAG,
    ID,
    NAMED,
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

_GROUPS = array(text(64), 64)
_ROLE = text(256, "The name of a role; nobody gives one that allows more than their own.")
_PLATFORM = {**FLAG, "description": "A platform administrator; only another one says so."}
_ISSUED = thing({"user": ref("User"), "enrolment": ref("Enrolment")})

SHAPES = {
    "User": thing(
        {
            "id": ID,
            "name": TEXT,
            "role": TEXT,
            "platform": FLAG,
            "groups": array(TEXT),
            "disabled": FLAG,
            "state": one_of("enrolled", "factor_off", "invited", "invitation_expired", "disabled"),
            "invited_until": nullable(TIME),
            "revision": REVISION,
        }
    ),
    "Enrolment": thing({"link": TEXT, "expires": TIME}),
    "Group": thing(
        {
            "name": TEXT,
            "description": TEXT,
            "members": thing({"groups": array(TEXT)}),
            "user_count": COUNT,
            "revision": REVISION,
        }
    ),
}

_NAMED_BEHIND_A_DASH = {"name": {**TEXT, "description": "Of a group that no path can hold: the path says -."}}

DOCS = {
    "GET /api/v1/admin/users": Doc("List users.", items(ref("User")), listed=True),
    "POST /api/v1/admin/users": Doc(
        "Invite a user. The link is seen once, good once, for 24 hours.",
        _ISSUED,
        body({"name": text(256)}, {"groups": _GROUPS, "role": _ROLE, "platform": _PLATFORM}),
        status=201,
    ),
    "PUT /api/v1/admin/users/{name}": Doc(
        "Change groups and role; what is not named stays.",
        thing({"user": ref("User")}),
        body({}, {"groups": _GROUPS, "role": _ROLE, "platform": _PLATFORM, "revision": REVISION}),
    ),
    "POST /api/v1/admin/users/{name}/reset": Doc(
        "Take password, factor and recovery codes away and make a new link.", _ISSUED, EMPTY
    ),
    "POST /api/v1/admin/users/{name}/disable": Doc(
        "Keep a user out; logins are cut, sessions go on.",
        thing({"user": ref("User")}, {"merged": FLAG}),
        EMPTY,
    ),
    "POST /api/v1/admin/users/{name}/enable": Doc(
        "Let a disabled user in again.", thing({"user": ref("User")}), EMPTY
    ),
    "POST /api/v1/admin/users/{name}/sign-out": Doc(
        "End every login of a user.", thing({"user": NAMED, "merged": FLAG}), EMPTY
    ),
    "DELETE /api/v1/admin/users/{name}": Doc("Delete a user; their sessions are logged off.", status=204),
    "GET /api/v1/admin/groups": Doc("List groups.", items(ref("Group")), listed=True),
    "GET /api/v1/admin/groups/{name}": Doc(
        "A group with its users, the groups it is inside of, and the applications that name it.",
        thing({"group": ref("Group")}),
        query=_NAMED_BEHIND_A_DASH,
    ),
    "PUT /api/v1/admin/groups/{name}": Doc(
        "Make a group or change it. `users`: all of them; `add_users` and `remove_users`: who comes in and who leaves. "
        "All at once, or nobody.",
        thing({"group": nullable(ref("Group"))}),
        query=_NAMED_BEHIND_A_DASH,
        body=body(
            {},
            {
                "description": text(256, shortest=0),
                "members": body({}, {"groups": array(text(64))}),
                "users": array(text(256), 10_000),
                "add_users": array(text(256), 10_000),
                "remove_users": array(text(256), 10_000),
                "revision": REVISION,
            },
        ),
    ),
    "DELETE /api/v1/admin/groups/{name}": Doc(
        "Delete a group; nobody is in it any more.",
        thing({}, {"applications": array(TEXT)}),
        query=_NAMED_BEHIND_A_DASH,
    ),
}
