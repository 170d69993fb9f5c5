"""`history`: who changed what and why. `rollback`: everything as it was at a revision."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from portcullis.cli.output import as_json, moment, safe, table
from portcullis.cli.plan_text import changes_text, plan_text
from portcullis.errors import Refused
from portcullis.rest.client import Client

_YES = frozenset({"y", "yes"})


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    past = commands.add_parser("history", help="who changed what, when and why; the newest first")
    past.add_argument("--kind", metavar="KIND", help="only of this kind, such as application")
    past.add_argument("--name", metavar="NAME", help="only of the object of this name")
    past.add_argument("--author", metavar="TEXT", help="only by authors whose name holds this")
    past.add_argument("--limit", type=int, default=20, metavar="N", help="how many (20)")
    past.add_argument("--before", type=int, metavar="REVISION", help="only what was changed before")
    past.add_argument("--fields", action="store_true", help="also what each changed")
    past.set_defaults(run=history)
    back = commands.add_parser("rollback", help="make everything as it was at a revision")
    back.add_argument("revision", type=int)
    back.add_argument("--dry-run", action="store_true", help="only say what it would change")
    back.add_argument("--yes", action="store_true", help="do not ask")
    back.add_argument("--reason", metavar="TEXT", help="stands in the history")
    back.set_defaults(run=rollback)
    for command in (past, back):
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def history(client: Client, arguments: argparse.Namespace) -> None:
    asked = ("kind", "name", "author", "limit", "before")
    query = {name: str(value) for name in asked if (value := getattr(arguments, name)) is not None}
    items = client.get("admin", "history", query=query)["items"]
    if arguments.json:
        print(as_json(items))
    elif not items:
        print("There is no history.")
    elif arguments.fields:
        print("\n".join(line for item in items for line in (_heading(item), *changes_text([item]))))
    else:
        headings = ("REVISION", "TIME", "AUTHOR", "ACTION", "KIND", "NAME", "REASON")
        print(table(headings, [_row(item) for item in items]))


def _row(item: Mapping[str, Any]) -> list[object]:
    named = (item.get(name) for name in ("action", "kind", "name", "reason"))
    return [item.get("revision"), moment(item.get("time")), item.get("author"), *named]


def _heading(item: Mapping[str, Any]) -> str:
    reason = f": {safe(item['reason'])}" if item.get("reason") else ""
    return f"{item.get('revision')}  {moment(item.get('time'))}  {safe(item.get('author'))}{reason}"


def rollback(client: Client, arguments: argparse.Namespace) -> None:
    """The plan is shown and asked about first."""
    body: dict[str, Any] = {"revision": arguments.revision}
    if arguments.dry_run or not arguments.yes:
        plan = client.post("admin", "history", "rollback", body={**body, "dry": True})
        _show(plan, arguments, sys.stdout if arguments.dry_run else sys.stderr)
        if arguments.dry_run or not plan["changes"]:
            return
        print("Do this? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in _YES:
            raise Refused("not_confirmed")
    if arguments.reason:
        body["reason"] = arguments.reason
    done = client.post("admin", "history", "rollback", body=body)
    if arguments.json:
        print(as_json(done))
    else:
        print(
            f"as it was at revision {arguments.revision}: {len(done['changes'])} changes, revision {done['revision']}"
        )


def _show(plan: Mapping[str, Any], arguments: argparse.Namespace, stream: Any) -> None:
    print(as_json(plan) if arguments.json and arguments.dry_run else plan_text(plan), file=stream)
