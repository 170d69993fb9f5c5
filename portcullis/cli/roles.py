"""The commands below `portcullis role` and `portcullis token`: who, or what, may do what."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from portcullis.cli.output import as_json, moment, safe, table
from portcullis.rest.client import Client


def add_role_commands(commands: Any) -> None:
    """`commands`: what `add_parser` of argparse adds to."""
    setting = commands.add_parser(
        "set",
        help="make a role, or change what it allows",
        description="What users of the role may do at once. Built-in roles stay as they are: `portcullis get roles`.",
    )
    setting.add_argument("name")
    setting.add_argument(
        "--permissions", required=True, metavar="A,B", help="all of them; '' for none (`role permissions`)"
    )
    setting.set_defaults(run=set_role)
    deleting = commands.add_parser("delete", help="delete a role that no user has")
    deleting.add_argument("name")
    deleting.set_defaults(run=delete_role)
    listing = commands.add_parser("permissions", help="what roles and tokens can allow")
    listing.add_argument("--json", action="store_true", help="JSON instead of text")
    listing.set_defaults(run=show_permissions)


def add_token_commands(commands: Any) -> None:
    """`commands`: what `add_parser` of argparse adds to."""
    creating = commands.add_parser(
        "create",
        help="make an API token, for a script; it is shown once",
        description="The token alone goes to standard output. It acts for a user, and allows no more than the user's "
        "role does, whatever it names.",
    )
    creating.add_argument("--user", metavar="NAME", help="for whom it acts; default: who runs this")
    creating.add_argument("--note", metavar="TEXT", help="what it is for, shown in lists")
    creating.add_argument(
        "--permissions", metavar="A,B", help="at most these; default: all that its user may"
    )
    creating.add_argument(
        *("--network", "-n"),
        action="append",
        metavar="CIDR",
        help="the only one it is good from; several times",
    )
    creating.add_argument(
        "--days", type=float, metavar="N", help="until it expires; 90 at most, and if not given"
    )
    creating.add_argument(
        "--enrol",
        action="store_true",
        help="it may hand out the links by which users enrol: whoever has it can become any of them",
    )
    creating.add_argument("--json", action="store_true", help="JSON instead of text")
    creating.set_defaults(run=create_token)


def set_role(client: Client, arguments: argparse.Namespace) -> None:
    body = {"permissions": names(arguments.permissions)}
    answer = client.put("admin", "roles", arguments.name, body=body)
    print(f"role {safe(answer['role'].get('name'))}: {safe(answer.get('outcome'))}")


def delete_role(client: Client, arguments: argparse.Namespace) -> None:
    client.delete("admin", "roles", arguments.name)
    print(f"role {safe(arguments.name)}: deleted")


def show_permissions(client: Client, arguments: argparse.Namespace) -> None:
    permissions = client.get("admin", "roles")["permissions"]
    print(
        as_json(permissions) if arguments.json else table(("PERMISSION", "ALLOWS"), list(permissions.items()))
    )


def create_token(client: Client, arguments: argparse.Namespace) -> None:
    body = {
        "user": arguments.user,
        "note": arguments.note,
        "permissions": None if arguments.permissions is None else names(arguments.permissions),
        "networks": arguments.network,
        "days": arguments.days,
        "enrols": arguments.enrol or None,
    }
    given = {name: value for name, value in body.items() if value is not None}
    answer = client.post("admin", "tokens", body=given)
    if arguments.json:
        print(as_json(answer))
        return
    record = answer["record"]
    print(safe(answer["token"]))
    print(
        f"Token {safe(record.get('id'))} of {safe(record['user'].get('name'))}, good until "
        f"{moment(record.get('expires'))}. It is shown this once; `portcullis token revoke {safe(record.get('id'))}` "
        "takes it back.",
        file=sys.stderr,
    )


def names(text: str) -> Sequence[str]:
    """Of a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
