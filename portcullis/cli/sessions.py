"""`portcullis session ...`: end, disconnect, tell, look."""

from __future__ import annotations

import argparse

from portcullis.cli import changing, revoking
from portcullis.cli.output import as_json, moment, safe, table
from portcullis.rest.client import Client


def add_commands(sessions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    logoff = sessions.add_parser("logoff", help="end a session")
    logoff.add_argument("id")
    logoff.set_defaults(run=changing.session_logoff)
    cut = sessions.add_parser("disconnect", help="cut off whoever is attached; the application goes on")
    cut.add_argument("id")
    cut.set_defaults(run=disconnect)
    say = sessions.add_parser("message", help="show the user of a session something, now or when they attach")
    say.add_argument("id")
    say.add_argument("text", help="up to 500 characters")
    say.set_defaults(run=message)
    look = sessions.add_parser("processes", help="what runs in a session")
    look.add_argument("id")
    look.add_argument("--json", action="store_true", help="JSON instead of text")
    look.set_defaults(run=processes)
    orphan = sessions.add_parser(
        "end-orphan", help="end a session that runs on a host and has no record (`get orphans`)"
    )
    orphan.add_argument("host")
    orphan.add_argument("session")
    orphan.set_defaults(run=revoking.end_orphan)


def disconnect(client: Client, arguments: argparse.Namespace) -> None:
    client.post("admin", "sessions", arguments.id, "disconnect", body={})
    print(f"session {safe(arguments.id)}: disconnected; the application goes on")


def message(client: Client, arguments: argparse.Namespace) -> None:
    client.post("admin", "sessions", arguments.id, "message", body={"text": arguments.text})
    print(f"session {safe(arguments.id)}: the user is told")


def processes(client: Client, arguments: argparse.Namespace) -> None:
    items = client.items("admin", "sessions", arguments.id, "processes")
    if arguments.json:
        print(as_json(items))
    elif not items:
        print("Nothing runs there now.")
    else:
        rows = [
            [
                item.get("pid"),
                item.get("name"),
                f"{item.get('memory_bytes', 0) / 2**20:.0f} MiB",
                f"{item.get('cpu_seconds', 0):.1f} s",
                moment(item.get("started")),
                item.get("command"),
            ]
            for item in items
        ]
        print(table(("PID", "NAME", "MEMORY", "CPU", "STARTED", "COMMAND"), rows))
