"""Lists: `get`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portcullis.address import Address
from portcullis.cli.output import as_json, moment, table
from portcullis.rest.client import Client

Item = dict[str, Any]

_SHOWN_PERMISSIONS = 4
"""Of a role, on a line that fits a terminal."""


@dataclass(frozen=True, slots=True)
class Column:
    heading: str
    value: Callable[[Item], object]


def plain(heading: str, key: str) -> Column:
    return Column(heading, lambda item: item.get(key))


def nested(heading: str, key: str, inner: str) -> Column:
    return Column(heading, lambda item: (item.get(key) or {}).get(inner))


def at(heading: str, key: str) -> Column:
    return Column(heading, lambda item: moment(item.get(key)))


def host_state(item: Item) -> str:
    if item.get("revoked"):
        return "revoked"
    if not item.get("online"):
        return "offline"
    return "draining" if item.get("draining") else "online"


def session_state(item: Item) -> str:
    position = item.get("position")
    if item.get("host_online") is False:
        return f"{item.get('state')}, host gone"
    return str(item.get("state")) if position is None else f"waiting, position {position}"


def role(item: Item) -> str:
    return f"{item.get('role')}, platform" if item.get("platform") else str(item.get("role"))


def user_state(item: Item) -> str:
    state = item.get("state")
    if state == "invited":
        return f"invited until {moment(item.get('invited_until'))}"
    return {"invitation_expired": "invitation expired", "factor_off": "factor off"}.get(
        str(state), str(state)
    )


def _role_permissions(item: Item) -> str:
    permissions = list(map(str, item.get("permissions", ())))
    more = len(permissions) - _SHOWN_PERMISSIONS
    shown = ", ".join(permissions[:_SHOWN_PERMISSIONS])
    return f"{shown} and {more} more" if more > 0 else shown


def _token_permissions(item: Item) -> object:
    permissions = item.get("permissions")
    return "all of the user's" if permissions is None else permissions


def shown(item: Item) -> str:
    """A program with its arguments, or a server."""
    if isinstance(wine := item.get("wine"), dict):
        return f"wine:{wine.get('template')} {wine.get('program')}"
    if isinstance(desktop := item.get("desktop"), dict):
        return f"desktop {desktop.get('display')}, consent {desktop.get('consent')}"
    if isinstance(rdp := item.get("rdp"), dict):
        return f"rdp://{Address(str(rdp.get('server')), int(rdp.get('port', 0)))}"
    return " ".join(map(str, item.get("command", ())))


def probe_state(item: Item) -> str:
    last = item.get("last") or {}
    return " ".join(str(part) for part in (item.get("state"), last.get("code")) if part)


def probe_time(last: Item) -> str | None:
    """Of all stages together; none of one that did not come to its end."""
    return f"{last.get('milliseconds', 0):.0f} ms" if last.get("state") == "ok" else None


LISTS: dict[str, tuple[Column, ...]] = {
    "applications": (
        plain("NAME", "name"),
        Column("COMMAND", shown),
        nested("USERS", "entitled", "users"),
        nested("GROUPS", "entitled", "groups"),
        Column("STATE", lambda item: "disabled" if item.get("disabled") else "enabled"),
    ),
    "sessions": (
        plain("ID", "id"),
        nested("APPLICATION", "application", "name"),
        nested("USER", "user", "name"),
        plain("HOST", "host"),
        Column("STATE", session_state),
        at("CREATED", "created"),
    ),
    "hosts": (
        plain("NAME", "name"),
        Column("STATE", host_state),
        plain("SLOTS", "slots"),
        plain("SESSIONS", "sessions"),
        plain("ISOLATION", "isolation"),
        plain("GROUPS", "groups"),
        plain("ID", "id"),
    ),
    "users": (
        plain("NAME", "name"),
        Column("ROLE", role),
        plain("GROUPS", "groups"),
        Column("STATE", user_state),
    ),
    "roles": (
        plain("NAME", "name"),
        Column("KIND", lambda item: "built-in" if item.get("built_in") else "own"),
        plain("USERS", "users"),
        Column("PERMISSIONS", _role_permissions),
    ),
    "gateways": (
        plain("NAME", "name"),
        Column("STATE", host_state),
        plain("PUBLIC ORIGIN", "public_origin"),
        plain("ID", "id"),
    ),
    "orphans": (
        plain("HOST", "host"),
        plain("SESSION", "session"),
        plain("TENANT", "tenant"),
        plain("STATE", "state"),
    ),
    "launches": (
        at("TIME", "time"),
        plain("REFERENCE", "reference"),
        plain("USER", "user"),
        plain("APPLICATION", "application"),
        Column("OUTCOME", lambda item: f"{item.get('outcome')} {item.get('code') or ''}".rstrip()),
        plain("HOST", "host"),
    ),
    "probes": (
        plain("APPLICATION", "application"),
        Column("STATE", probe_state),
        Column("LAST", lambda item: moment((item.get("last") or {}).get("time"))),
        Column("TOOK", lambda item: probe_time(item.get("last") or {})),
        plain("USER", "user"),
        Column("EVERY", lambda item: f"{item.get('every_seconds')} s"),
    ),
    "tokens": (
        plain("ID", "id"),
        Column("USER", lambda item: user_name(item.get("user"))),
        plain("NOTE", "note"),
        Column("PERMISSIONS", _token_permissions),
        plain("NETWORKS", "networks"),
        Column("ENROLS", lambda item: "yes" if item.get("enrols", True) else "no"),
        at("CREATED", "created"),
        at("EXPIRES", "expires"),
    ),
}


WIDE: dict[str, tuple[Column, ...]] = {
    "roles": (plain("ALL OF THEM", "permissions"),),
    "sessions": (
        Column("ECHO P95", lambda item: _of_stream(item, "echo_p95_ms", "ms")),
        Column("ROUND TRIP", lambda item: _of_stream(item, "round_trip_ms", "ms")),
        Column("FRAMES", lambda item: _of_stream(item, "frames_per_second", "/s")),
        Column("QUALITY", lambda item: _of_stream(item, "quality", "%")),
        nested("LIMIT", "stream", "limit"),
        nested("ENCODER", "stream", "encoder"),
    ),
}
"""Columns more, with --wide."""


def _of_stream(item: Item, name: str, unit: str) -> str | None:
    """0 is what nobody measured."""
    value = (item.get("stream") or {}).get(name)
    return f"{value:g} {unit}" if isinstance(value, int | float) and value else None


def user_name(value: object) -> object:
    return value.get("name") if isinstance(value, dict) else value


def get(client: Client, arguments: argparse.Namespace) -> None:
    items = client.items("admin", arguments.kind)
    if arguments.json:
        print(as_json(items))
    elif not items:
        print(f"There are no {arguments.kind}.")
    else:
        columns = LISTS[arguments.kind] + (WIDE.get(arguments.kind, ()) if arguments.wide else ())
        rows = [[column.value(item) for column in columns] for item in items]
        print(table([column.heading for column in columns], rows))
