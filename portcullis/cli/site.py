"""`site origins`: under which names browsers reach the site."""

from __future__ import annotations

import argparse

from portcullis.cli.output import as_json, safe
from portcullis.errors import InvalidInput
from portcullis.rest.client import Client


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    site = commands.add_parser("site", help="settings of the whole site")
    parts = site.add_subparsers(metavar="COMMAND", required=True)
    origins = parts.add_parser("origins", help="the names under which browsers reach the site")
    origins.add_argument(
        "--add", metavar="URL", action="append", default=[], help="such as https://apps.example.com"
    )
    origins.add_argument("--remove", metavar="URL", action="append", default=[])
    origins.add_argument("--json", action="store_true", help="for programs")
    origins.set_defaults(run=run)


def run(client: Client, arguments: argparse.Namespace) -> None:
    shown = client.get("admin", "site", "origins")
    if arguments.add or arguments.remove:
        shown = client.put(
            "admin", "site", "origins", body={"origins": _changed(shown["origins"], arguments)}
        )
    if arguments.json:
        print(as_json(shown))
        return
    for origin in shown["origins"]:
        print(f"{safe(origin)}  (site)")
    for gateway in shown["gateways"]:
        print(f"{safe(gateway['public_origin'])}  (gateway {safe(gateway['name'])})")


def _changed(origins: list[str], arguments: argparse.Namespace) -> list[str]:
    """Raises InvalidInput for one that is to be removed and is not there."""
    missing = [origin for origin in arguments.remove if origin not in origins]
    if missing:
        raise InvalidInput("--remove", f"one of {', '.join(origins)}")
    kept = [origin for origin in origins if origin not in arguments.remove]
    return [*kept, *(origin for origin in arguments.add if origin not in kept)]
