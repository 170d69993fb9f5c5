"""`portcullis audit`: what happened, newest last; with --follow also what happens from now on."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from portcullis.cli.output import cell_text, moment, safe, table, width
from portcullis.errors import InvalidInput
from portcullis.rest.client import Client

FOLLOW_SECONDS = 2.0
LATE_SECONDS = 30.0
"""An event may be seen so much later than it happened: another broker took it."""
MOST_SEEN = 10_000
PAGE = 500
_TEXTS = ("user", "object", "code", "reference", "text")
_AGO = re.compile(r"(\d{1,6})\s*([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TODAY = re.compile(r"\d{1,2}:\d{2}(:\d{2})?", re.ASCII)
_RULE = "a while ago (90s, 15m, 2h, 7d), a time of today (09:12) or 2026-11-21T09:12"

Event = dict[str, Any]


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser("audit", help="what happened: sign-ins, launches, refusals, changes")
    audit.add_argument("--type", action="append", metavar="TYPE", help="sign_in, launch_refused, change, ...")
    for name in _TEXTS:
        audit.add_argument(f"--{name}", metavar=name.upper(), help=_HELP[name])
    audit.add_argument("--from", dest="start", metavar="WHEN", help=_RULE)
    audit.add_argument("--to", dest="end", metavar="WHEN")
    audit.add_argument("--limit", type=int, default=50, metavar="N", help="how many, at most (50)")
    audit.add_argument("--site", action="store_true", help="what concerns the whole site, not a tenant")
    audit.add_argument("--follow", action="store_true", help="go on with what happens")
    audit.add_argument("--json", action="store_true", help="one JSON object a line")
    audit.set_defaults(run=audit_command)


_HELP = {
    "user": "name or id of who did it",
    "object": "kind:name, a name or an id: application:Editor",
    "code": "of the refusal",
    "reference": "of the launch",
    "text": "somewhere in names, reasons or addresses",
}


def audit_command(client: Client, arguments: argparse.Namespace) -> None:
    query = _query(arguments, time.time())
    found = list(_events(client, arguments, query, arguments.limit))[::-1]
    if not arguments.json and not found and not arguments.follow:
        print("Nothing is recorded that matches.")
    _print(found, arguments.json, heading=True)
    if arguments.follow:
        _follow(client, arguments, query, found)


def _follow(client: Client, arguments: argparse.Namespace, query: dict[str, str], found: list[Event]) -> None:
    """Until it is interrupted."""
    seen = OrderedDict.fromkeys(event["id"] for event in found)
    newest = found[-1]["time"] if found else time.time()
    query.pop("to", None)
    while True:
        time.sleep(FOLLOW_SECONDS)
        since = {**query, "from": str(newest - LATE_SECONDS)}
        news = [event for event in _events(client, arguments, since, PAGE) if event["id"] not in seen]
        _print(news[::-1], arguments.json, heading=False)
        newest = max([newest, *(event["time"] for event in news)])
        seen.update(OrderedDict.fromkeys(event["id"] for event in news))
        while len(seen) > MOST_SEEN:
            seen.popitem(last=False)


def _events(
    client: Client, arguments: argparse.Namespace, query: dict[str, str], limit: int
) -> Iterator[Event]:
    """Newest first, page by page."""
    area, before = "platform" if arguments.site else "admin", ""
    while limit > 0:
        asked = {
            **query,
            "limit": str(min(limit, PAGE)),
            "steps": "yes" if arguments.json else "no",
            **({"before": before} if before else {}),
        }
        page = client.get(area, "audit", query=asked)
        yield from page["items"][:limit]
        limit -= len(page["items"])
        before = page["before"]
        if not before:
            return


def _query(arguments: argparse.Namespace, now: float) -> dict[str, str]:
    given = {name: getattr(arguments, name) for name in _TEXTS}
    if arguments.limit < 1:
        raise InvalidInput("--limit", "at least 1")
    found = {name: value for name, value in given.items() if value}
    if arguments.type:
        found["type"] = ",".join(arguments.type)
    for name, text in (("from", arguments.start), ("to", arguments.end)):
        if text:
            found[name] = str(when(text, f"--{name}", now))
    return found


def when(text: str, name: str, now: float) -> float:
    """Seconds since 1970, by this machine's time zone. Raises InvalidInput."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - int(ago[1]) * _SECONDS[ago[2]]
    try:
        if _TODAY.fullmatch(text):
            today = datetime.fromtimestamp(now)
            return datetime.fromisoformat(f"{today:%Y-%m-%d}T{text.zfill(5)}").timestamp()
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as exc:
        raise InvalidInput(name, _RULE) from exc


def _print(events: list[Event], as_json: bool, *, heading: bool) -> None:
    if as_json:
        for event in events:
            print(json.dumps(event, ensure_ascii=False), flush=True)
    elif heading and events:
        print(table(_HEADINGS, [_row(event) for event in events]), flush=True)
    else:
        for event in events:
            print(_line(_row(event)), flush=True)


_HEADINGS = ("TIME", "TYPE", "USER", "OBJECT", "CODE, ACT", "ADDRESS", "REFERENCE")
_WIDTHS = (19, 15, 16, 28, 18, 15, 8)


def _row(event: Event) -> list[object]:
    what, actor = event.get("object") or {}, event.get("actor") or {}
    name = what.get("name") or what.get("id") or ""
    return [
        moment(event.get("time")),
        event.get("type"),
        actor.get("user"),
        f"{what.get('kind')}:{name}" if what.get("kind") else "",
        event.get("code") or (event.get("detail") or {}).get("act"),
        actor.get("address"),
        event.get("reference"),
    ]


def _line(row: list[object]) -> str:
    """One that joins a table which has been printed: columns of a usual width."""
    cells = [cell_text(value) for value in row]
    padded = [text + " " * (wide - width(text)) for text, wide in zip(cells, _WIDTHS, strict=True)]
    return safe("  ".join(padded)).rstrip()
