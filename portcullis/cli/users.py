"""The commands below `portcullis user`: invite, change, reset, disable, enable, delete.

Who runs them never sees or chooses a password: a link is printed, which the person opens.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from portcullis.cli import reading, revoking
from portcullis.cli.output import as_json, moment, safe
from portcullis.rest.client import Client

_LINK = (
    "Prints a link, good once and for 24 hours, by which the person chooses a password and sets up a factor."
)


def add_commands(commands: Any) -> None:
    """`commands`: what `add_parser` of argparse adds to."""
    add = _command(commands, "add", "add a user; prints the link by which they enrol", _LINK, add_user)
    add.add_argument("--group", action="append", default=[], metavar="G", help="may be given several times")
    role = add.add_mutually_exclusive_group()
    role.add_argument("--administrator", action="store_true", help="short for --role administrator")
    role.add_argument(
        "--role", default="user", metavar="ROLE", help="what they may do: `portcullis get roles`"
    )
    add.add_argument("--platform", action="store_true", help="a platform administrator: of the whole site")
    reset = _command(
        commands,
        "reset",
        "make a new link: for a lost password or factor, or an invitation that expired",
        "Password, factor and recovery codes are worth nothing from this moment, and the user's logins are cut; "
        f"sessions go on running and API tokens stay. {_LINK}",
        reset_user,
    )
    change = _command(
        commands,
        "set",
        "give a user another role, or other groups",
        "What is not given stays as it is. It holds at once, also for who is signed in.",
        set_user,
    )
    change.add_argument("--role", metavar="ROLE", help="what they may do: `portcullis get roles`")
    change.add_argument("--groups", metavar="A,B", help="all of them; '' for none")
    change.add_argument(
        "--platform",
        choices=("yes", "no"),
        help="whether they are a platform administrator: of the whole site",
    )
    for command in (add, reset, change):
        command.add_argument("--json", action="store_true", help="JSON instead of text")
    _command(
        commands,
        "disable",
        "keep a user out; logins are cut, sessions go on running",
        "The user's logins are cut and API tokens refused until the user is enabled again. Sessions go on running.",
        disable_user,
    )
    _command(
        commands,
        "sign-out",
        "end every login of a user, everywhere; sessions go on running",
        "The user's logins end and their connections are closed within two seconds, on every gateway and host. They "
        "may sign in again: `disable` keeps them out. Sessions and API tokens stay.",
        revoking.sign_out_user,
    )
    _command(commands, "enable", "let a disabled user in again", None, enable_user)
    _command(
        commands,
        "delete",
        "delete a user; their sessions are logged off",
        "Deletes the user with their API tokens; logins are cut, sessions logged off. Homes on the hosts stay, and so "
        "do the names in `entitled` of applications: a new user of this name has them, but another home.",
        delete_user,
    )


def _command(
    commands: Any,
    name: str,
    help: str,
    description: str | None,
    run: Callable[[Client, argparse.Namespace], None],
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=description or help)
    parser.add_argument("name")
    parser.set_defaults(run=run)
    return parser


def add_user(client: Client, arguments: argparse.Namespace) -> None:
    body = {
        "name": arguments.name,
        "groups": arguments.group,
        "role": "administrator" if arguments.administrator else arguments.role,
        **({"platform": True} if arguments.platform else {}),
    }
    _print_link(client.post("admin", "users", body=body), arguments)


def set_user(client: Client, arguments: argparse.Namespace) -> None:
    body: dict[str, Any] = {}
    if arguments.role is not None:
        body["role"] = arguments.role
    if arguments.groups is not None:
        body["groups"] = [group.strip() for group in arguments.groups.split(",") if group.strip()]
    if arguments.platform is not None:
        body["platform"] = arguments.platform == "yes"
    user = client.put("admin", "users", arguments.name, body=body)["user"]
    if arguments.json:
        print(as_json(user))
        return
    groups = ", ".join(map(safe, user.get("groups", ()))) or "none"
    print(f"user {safe(user.get('name'))}: role {safe(reading.role(user))}, groups {groups}")


def reset_user(client: Client, arguments: argparse.Namespace) -> None:
    _print_link(client.post("admin", "users", arguments.name, "reset", body={}), arguments)


def disable_user(client: Client, arguments: argparse.Namespace) -> None:
    answer = client.post("admin", "users", arguments.name, "disable", body={})
    print(f"user {safe(arguments.name)}: disabled")
    revoking.say_if_unmerged(answer)


def enable_user(client: Client, arguments: argparse.Namespace) -> None:
    client.post("admin", "users", arguments.name, "enable", body={})
    print(f"user {safe(arguments.name)}: enabled")


def delete_user(client: Client, arguments: argparse.Namespace) -> None:
    client.delete("admin", "users", arguments.name)
    print(f"user {safe(arguments.name)}: deleted")


def _print_link(answer: dict[str, Any], arguments: argparse.Namespace) -> None:
    """The link alone on standard output, for a script or a clipboard."""
    if arguments.json:
        print(as_json(answer))
        return
    print(safe(answer["enrolment"]["link"]))
    print(
        f"Give this link to {safe(answer['user']['name'])} over a channel that you trust: whoever opens it first and "
        f"completes it is that user. Good once, until {moment(answer['enrolment'].get('expires'))}.",
        file=sys.stderr,
    )
