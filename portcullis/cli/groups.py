"""`group list|show|set|delete`: who is in which group, and which groups are inside which."""

from __future__ import annotations

import argparse
from typing import Any

from portcullis.cli.output import as_json, cell_text, safe, table
from portcullis.errors import InvalidInput
from portcullis.rest.client import Client


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    every = commands.add_parser("list", help="all groups")
    every.set_defaults(run=list_groups)
    show = commands.add_parser("show", help="one group, with its users")
    show.set_defaults(run=show_group)
    change = commands.add_parser("set", help="make a group, or change it; what is not named stays as it is")
    change.set_defaults(run=set_group)
    take = commands.add_parser("delete", help="take a group away, out of users, other groups and policies")
    take.set_defaults(run=delete_group)
    for command in (show, change, take):
        command.add_argument("name")
    change.add_argument("--description", metavar="TEXT")
    change.add_argument("--groups", metavar="A,B", help="groups inside it, all of them; '' for none")
    change.add_argument("--users", metavar="A,B", help="users in it, all of them; '' for none")
    for command in (every, show, change, take):
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def list_groups(client: Client, arguments: argparse.Namespace) -> None:
    groups = client.items("admin", "groups")
    if arguments.json:
        print(as_json({"items": groups}))
        return
    rows = [
        (group["name"], group["user_count"], group["members"]["groups"], group["description"])
        for group in groups
    ]
    print(table(("NAME", "USERS", "GROUPS INSIDE", "DESCRIPTION"), rows))


def show_group(client: Client, arguments: argparse.Namespace) -> None:
    _print(client.get("admin", "groups", arguments.name)["group"], arguments)


def set_group(client: Client, arguments: argparse.Namespace) -> None:
    body: dict[str, Any] = {}
    if arguments.description is not None:
        body["description"] = arguments.description
    if arguments.groups is not None:
        body["members"] = {"groups": _names(arguments.groups)}
    if arguments.users is not None:
        body["users"] = _names(arguments.users)
    _print(client.put("admin", "groups", arguments.name, body=body)["group"], arguments)


def delete_group(client: Client, arguments: argparse.Namespace) -> None:
    answer = client.request("DELETE", ("admin", "groups", arguments.name)) or {}
    if arguments.json:
        print(as_json(answer))
        return
    print(f"group {safe(arguments.name)} deleted; it had {answer.get('users', 0)} users")
    if answer.get("applications"):
        print(f"Still entitled by this name: {cell_text(answer['applications'])}.")


def _print(group: dict[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(as_json(group))
        return
    for label, value in (
        ("name", group["name"]),
        ("description", group["description"]),
        ("users", group["users"]),
        ("groups inside", group["members"]["groups"]),
        ("inside", group["inside"]),
        ("applications", group["applications"]),
    ):
        print(f"{label + ':':15}{cell_text(value)}")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if text.strip() and not all(names):
        raise InvalidInput("A,B", "names between commas")
    return [name for name in names if name]
