"""Hosts, gateways and brokers; the sessions that run on them; the state of the site."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    COUNT,
    EMPTY,
    FLAG,
    ID,
    NAMED,
    NUMBER,
    REVISION,
    TEXT,
    TIME,
    Doc,
    all_of,
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

_DRAINED = thing({"kind": one_of("host", "gateway", "broker"), "name": TEXT, "draining": FLAG})
_DRAIN = body({"draining": FLAG})
_ORIGINS = thing({"origins": array(TEXT), "gateways": array(thing({"name": TEXT, "public_origin": TEXT}))})
_STATE = one_of("online", "draining", "gone")

SHAPES = {
    "Host": thing(
        {
            "id": ID,
            "name": TEXT,
            "slots": COUNT,
            "sessions": COUNT,
            "online": FLAG,
            "draining": FLAG,
            "revoked": FLAG,
            "isolation": one_of("accounts", "none"),
            "groups": array(TEXT),
            "starting_limit": COUNT,
        },
        {"revision": REVISION},
    ),
    "Gateway": thing(
        {
            "id": ID,
            "name": TEXT,
            "public_origin": TEXT,
            "online": FLAG,
            "revoked": FLAG,
            "draining": FLAG,
        }
    ),
    "StreamFigures": thing(
        {
            "echo_median_ms": NUMBER,
            "echo_p95_ms": NUMBER,
            "round_trip_ms": NUMBER,
            "frames_per_second": NUMBER,
            "bytes_per_second": NUMBER,
            "encoding_ms": NUMBER,
            "quality": COUNT,
            "encoder": TEXT,
            "limit": one_of("none", "network", "host", "client"),
        }
    ),
    "SessionOfTenant": all_of(
        "Session",
        {
            "user": NAMED,
            "stage": TEXT,
            "position": nullable(COUNT),
            "stream": nullable(ref("StreamFigures")),
        },
    ),
    "Process": thing({"pid": COUNT, "name": TEXT}),
    "Orphan": thing({"host": TEXT, "session": ID, "tenant": TEXT, "state": TEXT}),
    "Finding": thing(
        {"severity": one_of("error", "warning", "notice"), "code": TEXT, "what": TEXT, "remedy": TEXT}
    ),
    "GridMember": thing(
        {
            "name": TEXT,
            "endpoint": TEXT,
            "version": TEXT,
            "is_leader": FLAG,
            "healthy": FLAG,
            "raft_index": COUNT,
            "raft_term": COUNT,
            "database_bytes": COUNT,
            "alarms": array(TEXT),
            "trouble": TEXT,
            "lag": nullable(COUNT),
        }
    ),
    "BrokerStatus": thing(
        {
            "name": TEXT,
            "address": TEXT,
            "version": TEXT,
            "state": one_of("serving", "draining", "silent", "gone"),
            "started": TIME,
            "revision": REVISION,
            "lag_revisions": COUNT,
            "lag_seconds": NUMBER,
            "degraded": FLAG,
            "load": nullable(NUMBER),
            "hosts": COUNT,
            "gateways": COUNT,
            "here": FLAG,
            "clock": one_of("right", "wrong", "unsure", ""),
            "clock_ahead_seconds": NUMBER,
        }
    ),
    "GatewayStatus": thing(
        {
            "name": TEXT,
            "public_origin": TEXT,
            "state": _STATE,
            "streams": nullable(COUNT),
            "load": nullable(NUMBER),
        }
    ),
    "HostStatus": thing(
        {
            "name": TEXT,
            "state": _STATE,
            "broker": TEXT,
            "version": TEXT,
            "slots": COUNT,
            "sessions": COUNT,
            "load": nullable(NUMBER),
            "memory_available_bytes": nullable(COUNT),
            "orphans": COUNT,
        }
    ),
    "ProbesOfTenant": thing(
        {
            "tenant": TEXT,
            "states": {"type": "object", "additionalProperties": COUNT},
            "failing": array(
                thing(
                    {"application": TEXT, "code": TEXT, "stage": TEXT, "failures": COUNT, "reference": TEXT}
                )
            ),
        }
    ),
}

DOCS = {
    "GET /api/v1/admin/hosts": Doc("List the hosts that serve the tenant.", items(ref("Host")), listed=True),
    "PUT /api/v1/admin/hosts/{name}": Doc(
        "Set a host's groups, all of them.",
        thing({"host": ref("Host")}),
        body({"groups": array(text(64), 64)}, {"revision": REVISION}),
    ),
    "POST /api/v1/admin/hosts/{name}/drain": Doc(
        "Give a host no new sessions, or some again.", _DRAINED, _DRAIN
    ),
    "GET /api/v1/admin/gateways": Doc("List gateways.", items(ref("Gateway")), listed=True),
    "POST /api/v1/admin/gateways/{name}/drain": Doc(
        "Give a gateway no new streams, or some again.", _DRAINED, _DRAIN
    ),
    "POST /api/v1/admin/brokers/{name}/drain": Doc(
        "Give a broker no new work, or some again.", _DRAINED, _DRAIN
    ),
    "POST /api/v1/admin/join-tokens": Doc(
        "Make a one-time token by which a machine joins. A gateway's wants `platform.gateways.write`.",
        thing({"token": TEXT, "expires": TIME, "brokers": array(TEXT), "reachable": FLAG}),
        body({"role": one_of("host", "gateway")}, {"name": nullable(text(63))}),
        status=201,
    ),
    "GET /api/v1/admin/sessions": Doc(
        "List the tenant's sessions.", items(ref("SessionOfTenant")), listed=True
    ),
    "DELETE /api/v1/admin/sessions/{id}": Doc("Log a session off.", thing({}), status=202),
    "POST /api/v1/admin/sessions/{id}/disconnect": Doc(
        "Cut off whoever is attached to a session; it goes on.", thing({}), EMPTY
    ),
    "POST /api/v1/admin/sessions/{id}/message": Doc(
        "Show a message in the page of a session.", thing({}), body({"text": text(500)})
    ),
    "GET /api/v1/admin/sessions/{id}/processes": Doc(
        "What runs in a session, as its host says.", items(ref("Process")), listed=True
    ),
    "GET /api/v1/admin/orphans": Doc(
        "List sessions that run without a record.", items(ref("Orphan")), listed=True
    ),
    "DELETE /api/v1/admin/orphans/{name}/{session}": Doc(
        "End a session that runs without a record.", thing({"merged": FLAG}), status=202
    ),
    "GET /api/v1/admin/status": Doc(
        "The state of the whole site, and what is wrong with it.",
        thing(
            {
                "site": TEXT,
                "version": TEXT,
                "time": TIME,
                "revision": REVISION,
                "degraded": FLAG,
                "grid": thing({"store": one_of("embedded", "etcd"), "members": array(ref("GridMember"))}),
                "brokers": array(ref("BrokerStatus")),
                "gateways": array(ref("GatewayStatus")),
                "hosts": array(ref("HostStatus")),
                "probes": array(ref("ProbesOfTenant")),
                "ca": nullable(
                    thing(
                        {
                            "phase": one_of("announced", "signing"),
                            "since": TIME,
                            "pin": TEXT,
                            "waits_for": array(TEXT),
                            "of": COUNT,
                            "forced": FLAG,
                        }
                    )
                ),
                "data_keys": nullable(
                    thing(
                        {
                            "phase": one_of("coming", "sealing", "kept"),
                            "tenants": COUNT,
                            "waits_for": array(TEXT),
                        }
                    )
                ),
                "findings": array(ref("Finding")),
            }
        ),
    ),
    "GET /api/v1/admin/overview": Doc(
        "How it goes, in one small answer. Who sees the whole site hears what is wrong with it.",
        thing(
            {
                "time": TIME,
                "revision": REVISION,
                "sessions": thing({"total": COUNT, "states": mapping(COUNT)}),
                "hosts": thing(
                    {
                        "total": COUNT,
                        "states": mapping(COUNT),
                        "loads": mapping(COUNT),
                        "slots": COUNT,
                        "sessions": COUNT,
                        "busiest": array(thing({"name": TEXT, "state": _STATE})),
                    }
                ),
                "applications": COUNT,
                "users": COUNT,
                "activity": thing(
                    {
                        "start": TIME,
                        "bucket_seconds": NUMBER,
                        "series": mapping(array(COUNT)),
                        "totals": mapping(COUNT),
                        "refused": array(thing({"type": TEXT, "code": TEXT, "count": COUNT})),
                    }
                ),
            },
            {"findings": array(ref("Finding")), "brokers": COUNT, "gateways": COUNT},
        ),
    ),
    "GET /api/v1/admin/site": Doc(
        "What `portcullis doctor` asks for.",
        thing(
            {
                "time": TIME,
                "version": TEXT,
                "brokers": array(thing({"address": TEXT, "version": TEXT})),
                "host_versions": mapping(TEXT),
                "join_tokens": array(thing({"role": TEXT, "name": nullable(TEXT), "expires": TIME})),
                "first_passwords": array(TEXT),
            }
        ),
    ),
    "GET /api/v1/admin/site/origins": Doc("The names under which browsers reach the site.", _ORIGINS),
    "PUT /api/v1/admin/site/origins": Doc(
        "Set the site's own names.", _ORIGINS, body({"origins": array(text(512), 32)})
    ),
    "POST /api/v1/admin/panic": Doc(
        "Make every login, ticket and grant of the site void.",
        thing({"merged": FLAG, "epoch": COUNT}),
        body({"confirm": text(256, "The name of the site.")}, {"api_tokens": FLAG}),
    ),
}
