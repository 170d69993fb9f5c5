"""`policy get|set|unset|effective`: what policies say, and what counts for somebody."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from portcullis.cli.output import as_json, safe, table
from portcullis.errors import InvalidInput
from portcullis.model.policy import FIELDS, OF_TENANT, SETTABLE_LEVELS, PolicyField
from portcullis.model.policy_values import DAYS
from portcullis.rest.client import Client

OF = "tenant, group:NAME, application:NAME or user:NAME"
_WORDS: dict[str, dict[str, Any]] = {
    "networks": {"any": []},
    "hours": {"always": []},
    "minutes": {"never": 0},
    "count": {"default": None},
}
"""For values that have a name, by kind."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("get", help="what is set, everywhere or at one level")
    show.add_argument("of", nargs="?", metavar="OF", help=OF)
    show.set_defaults(run=get)
    change = commands.add_parser("set", help="set fields, such as clipboard=none 'hours=mon-fri 08:00-18:00'")
    change.add_argument("of", metavar="OF", help=OF)
    change.add_argument("values", nargs="*", metavar="FIELD=VALUE", help=f"fields: {', '.join(FIELDS)}")
    change.add_argument(
        "--lock", action="append", default=[], metavar="FIELD", help="levels below cannot change it"
    )
    change.add_argument("--unlock", action="append", default=[], metavar="FIELD")
    change.set_defaults(run=put)
    take = commands.add_parser("unset", help="take fields and their locks away: levels above count again")
    take.add_argument("of", metavar="OF", help=OF)
    take.add_argument("fields", nargs="+", metavar="FIELD")
    take.set_defaults(run=unset)
    whole = commands.add_parser("effective", help="what counts for a user and an application, and why")
    whole.add_argument("--user", metavar="NAME")
    whole.add_argument("--application", "--app", metavar="NAME")
    whole.set_defaults(run=effective)
    for command in (show, change, take, whole):
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def get(client: Client, arguments: argparse.Namespace) -> None:
    if arguments.of is None:
        found = client.items("admin", "policies")
        shown: Any = {"items": found}
    else:
        shown = client.get("admin", "policies", *target(arguments.of))["policy"]
        found = [shown]
    print(as_json(shown) if arguments.json else _rows(found))


def put(client: Client, arguments: argparse.Namespace) -> None:
    place = target(arguments.of)
    values = dict(_assignment(text) for text in arguments.values)
    locks, unlocks = map(_known, arguments.lock), set(map(_known, arguments.unlock))
    if not values and not arguments.lock and not arguments.unlock:
        raise InvalidInput("FIELD=VALUE", "a field to set, or --lock or --unlock")
    now = client.get("admin", "policies", *place)["policy"]
    body = {
        "values": {**now["values"], **values},
        "locked": sorted({*now["locked"], *locks} - unlocks),
        "revision": now["revision"],
    }
    _changed(client.put("admin", "policies", *place, body=body)["policy"], arguments)


def unset(client: Client, arguments: argparse.Namespace) -> None:
    place, fields = target(arguments.of), {_known(name) for name in arguments.fields}
    now = client.get("admin", "policies", *place)["policy"]
    body = {
        "values": {name: value for name, value in now["values"].items() if name not in fields},
        "locked": sorted(set(now["locked"]) - fields),
        "revision": now["revision"],
    }
    _changed(client.put("admin", "policies", *place, body=body)["policy"], arguments)


def effective(client: Client, arguments: argparse.Namespace) -> None:
    query = {
        name: value
        for name, value in (("user", arguments.user), ("application", arguments.application))
        if value is not None
    }
    answer = client.get("admin", "policies", "effective", query=query)
    if arguments.json:
        print(as_json(answer))
        return
    rows = [
        (each["name"], words(each["name"], each["value"]), each["origin"], each["locked_by"], each["ignored"])
        for each in answer["fields"]
    ]
    print(table(("FIELD", "VALUE", "FROM", "LOCKED BY", "WITHOUT EFFECT AT"), rows))


def target(text: str) -> tuple[str, str]:
    """Level and name, as paths have them. Raises InvalidInput."""
    level, colon, name = text.partition(":")
    if level == "tenant" and not colon:
        return "tenant", OF_TENANT
    if level not in SETTABLE_LEVELS or level == "tenant" or not name:
        raise InvalidInput("OF", OF)
    return level, name


def parse_value(field: PolicyField, text: str) -> Any:
    """A word, a list between commas, hours as people write them, or JSON. Raises InvalidInput."""
    text = text.strip()
    if text in _WORDS.get(field.kind, {}):
        return _WORDS[field.kind][text]
    if field.kind == "networks" and not text.startswith("["):
        return field.parse([part.strip() for part in text.split(",") if part.strip()])
    if field.kind == "hours" and not text.startswith("["):
        return field.parse([_window(part) for part in text.split(";") if part.strip()])
    if field.kind in ("choice", "time_zone"):
        return field.parse(text)
    try:
        return field.parse(json.loads(text))
    except ValueError as exc:
        raise InvalidInput(field.name, field.value.expected) from exc


def words(name: str, value: Any) -> str:
    """The value as `parse_value` takes it."""
    kind = FIELDS[name].kind if name in FIELDS else ""
    for word, meant in _WORDS.get(kind, {}).items():
        if value == meant:
            return word
    if kind == "networks":
        return ", ".join(map(safe, value))
    if kind == "hours":
        return "; ".join(f"{_days(w['days'])} {safe(w['from'])}-{safe(w['to'])}" for w in value)
    return safe(value)


def _window(text: str) -> dict[str, Any]:
    """`mon-fri,sun 08:00-18:00`."""
    days, _, times = text.strip().partition(" ")
    begin, _, end = times.strip().partition("-")
    return {
        "days": [day for part in days.split(",") for day in _span(part)],
        "from": begin.strip(),
        "to": end.strip(),
    }


def _span(text: str) -> Iterable[str]:
    """`mon-fri`, or round the weekend: `sat-mon`."""
    first, dash, last = text.partition("-")
    if not dash or first not in DAYS or last not in DAYS:
        return (text,)
    begin, end = DAYS.index(first), DAYS.index(last)
    return (DAYS * 2)[begin : (end if end >= begin else end + len(DAYS)) + 1]


def _days(days: list[str]) -> str:
    indices = [DAYS.index(day) for day in days]
    is_row = len(indices) > 2 and indices == list(range(indices[0], indices[-1] + 1))
    return f"{days[0]}-{days[-1]}" if is_row else ",".join(days)


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput("FIELD=VALUE", "a field, an equals sign and a value")
    field = FIELDS[_known(name)]
    return field.name, parse_value(field, value)


def _known(name: str) -> str:
    if name not in FIELDS:
        raise InvalidInput("FIELD", f"one of {', '.join(FIELDS)}")
    return name


def _changed(policy: dict[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(as_json(policy))
        return
    print(_rows([policy]))
    for each in policy["ineffective"]:
        print(f"{safe(each['field'])} has no effect here: {safe(each['locked_by'])} has locked it.")


def _rows(policies: list[dict[str, Any]]) -> str:
    rows = [
        (
            _label(policy),
            name,
            words(name, policy["values"][name]) if name in policy["values"] else None,
            locked,
        )
        for policy in policies
        for name in FIELDS
        if (locked := name in policy["locked"]) or name in policy["values"]
    ]
    return table(("OF", "FIELD", "VALUE", "LOCKED"), rows) if rows else "Nothing is set."


def _label(policy: dict[str, Any]) -> str:
    return "tenant" if policy["level"] == "tenant" else f"{policy['level']}:{policy['name']}"
