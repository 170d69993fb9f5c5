"""The commands below `portcullis tenant`, and `portcullis host tenants`: for platform administrators.

Acting in a tenant that one is not a member of takes an entry (`tenant enter`) and the option `--tenant NAME` before the
command. A tenant's own administrators need neither, and set title and theme by `tenant set` without a name.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from portcullis.cli import icons
from portcullis.cli.output import as_json, moment, safe, table
from portcullis.errors import InvalidInput, Refused
from portcullis.rest.client import Client

PATH = ("platform", "tenants")
_QUOTAS = ("sessions", "launches_per_second", "logins_per_second")
_NONE = "none"


def add_commands(commands: Any) -> None:
    """`commands`: what `add_parser` of argparse adds to."""
    listed = commands.add_parser("list", help="list the tenants of the site")
    listed.add_argument("--json", action="store_true", help="JSON instead of text")
    listed.set_defaults(run=list_tenants)

    add = commands.add_parser(
        "add",
        help="make a tenant; prints the link by which its first administrator enrols",
        description="Makes a tenant with a data key of its own. The link is good once and for 24 hours.",
    )
    add.add_argument("name")
    add.add_argument("--administrator", required=True, metavar="USER", help="its first administrator")
    _add_settings(add)
    add.set_defaults(run=add_tenant)

    change = commands.add_parser(
        "set",
        help="change a tenant's title, theme, host names and quotas",
        description="What is not given stays as it is. Without a name: title and theme of the tenant that one is in.",
    )
    change.add_argument("name", nargs="?")
    _add_settings(change)
    change.set_defaults(run=set_tenant)

    _command(commands, "suspend", "let nobody in, and log its sessions off", suspend_tenant)
    _command(commands, "resume", "let its users in again", resume_tenant)
    delete = _command(
        commands, "delete", "end its sessions, destroy its data key and all its records", delete_tenant
    )
    delete.add_argument("--yes", action="store_true", help="do not ask")

    enter = _command(commands, "enter", "act in a tenant for a while, in its sight", enter_tenant)
    enter.add_argument("--reason", required=True, help="why: the tenant's administrators see it")
    enter.add_argument("--minutes", type=int, default=15, help="1 to 60, 15 by default")
    _command(commands, "leave", "end an entry before its time", leave_tenant)


def add_host_commands(commands: Any) -> None:
    serve = commands.add_parser(
        "tenants",
        help="say which tenants a host serves",
        description="Without tenants: shows which it serves.",
    )
    serve.add_argument("name")
    serve.add_argument("tenants", nargs="?", metavar="A,B", help="all of them; '' for none")
    serve.set_defaults(run=host_tenants)


def _command(commands: Any, name: str, help: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    parser.add_argument("name")
    parser.set_defaults(run=run)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--title", help="what pages show; '' for the name")
    parser.add_argument(
        "--accent", metavar="#RRGGBB", help="colour of buttons and links; none for the default"
    )
    parser.add_argument("--logo", metavar="FILE", help="PNG or SVG of at most 32 KB; none to take it away")
    parser.add_argument("--host-names", metavar="A,B", help="DNS names that lead to it alone; '' for none")
    parser.add_argument("--sessions", metavar="N", help="at once, of all its users; none for no limit")
    parser.add_argument("--launches-per-second", metavar="N", help="none for no limit")
    parser.add_argument("--logins-per-second", metavar="N", help="none for no limit")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def list_tenants(client: Client, arguments: argparse.Namespace) -> None:
    tenants = client.items(*PATH)
    if arguments.json:
        print(as_json(tenants))
        return
    headings = ("NAME", "TITLE", "STATE", "USERS", "SESSIONS", "HOSTS", "HOST NAMES", "ENTERED UNTIL")
    rows = [
        (
            *(each.get("name"), each.get("title"), "suspended" if each.get("suspended") else "open"),
            *(each.get("users"), _of_quota(each), each.get("hosts"), each.get("host_names")),
            moment(each.get("entry")),
        )
        for each in tenants
    ]
    print(table(headings, rows))


def _of_quota(tenant: dict[str, Any]) -> str:
    most = (tenant.get("quotas") or {}).get("sessions")
    return str(tenant.get("sessions")) if most is None else f"{tenant.get('sessions')} of {most}"


def add_tenant(client: Client, arguments: argparse.Namespace) -> None:
    if any(safe(each.get("name")).casefold() == arguments.name.casefold() for each in client.items(*PATH)):
        raise Refused("already_exists", f"There is a tenant {arguments.name!r}: `tenant set` changes it.")
    body = {"administrator": arguments.administrator, **settings_of(arguments)}
    answer = client.put(*PATH, arguments.name, body=body)
    if arguments.json:
        print(as_json(answer))
        return
    enrolment = answer["enrolment"]
    print(enrolment["link"])
    who = f"the administrator {safe(arguments.administrator)} of {safe(arguments.name)}"
    print(f"Good once, until {moment(enrolment['expires'])}: hand it to {who}.", file=sys.stderr)


def set_tenant(client: Client, arguments: argparse.Namespace) -> None:
    body = settings_of(arguments)
    if arguments.name is None:
        _print(client.put("admin", "tenant", body=body), arguments)
        return
    client.get(*PATH, arguments.name)  # one that is not there is not to be made by a typing error
    _print(client.put(*PATH, arguments.name, body=body)["tenant"], arguments)


def suspend_tenant(client: Client, arguments: argparse.Namespace) -> None:
    tenant = client.post(*PATH, arguments.name, "suspend", body={})["tenant"]
    print(f"tenant {safe(tenant['name'])}: suspended; sessions being logged off: {tenant['sessions']}")


def resume_tenant(client: Client, arguments: argparse.Namespace) -> None:
    tenant = client.post(*PATH, arguments.name, "resume", body={})["tenant"]
    print(f"tenant {safe(tenant['name'])}: open")


def delete_tenant(client: Client, arguments: argparse.Namespace) -> None:
    tenant = client.get(*PATH, arguments.name)
    name = str(tenant["name"])
    if not arguments.yes:
        print(
            f"{safe(name)} has {tenant['users']} users and {tenant['sessions']} sessions. All of it goes for good."
        )
        if input("Type its name to delete it: ").strip() != name:
            raise InvalidInput("name", "the name of the tenant; nothing was deleted")
    answer = client.request("DELETE", (*PATH, name), {"confirm": name})
    outcome = "deleted" if answer["deleted"] else "its sessions end, then it is deleted"
    print(f"tenant {safe(name)} ({safe(tenant['id'])}): {outcome}")


def enter_tenant(client: Client, arguments: argparse.Namespace) -> None:
    body = {"reason": arguments.reason, "minutes": arguments.minutes}
    entry = client.post(*PATH, arguments.name, "entry", body=body)
    print(f"tenant {safe(arguments.name)}: entered until {moment(entry['until'])}")
    print(f"Act in it by `portcullis --tenant {safe(arguments.name)} ...`.", file=sys.stderr)


def leave_tenant(client: Client, arguments: argparse.Namespace) -> None:
    client.delete(*PATH, arguments.name, "entry")
    print(f"tenant {safe(arguments.name)}: left")


def host_tenants(client: Client, arguments: argparse.Namespace) -> None:
    if arguments.tenants is None:
        known = [host for host in client.items("platform", "hosts") if host.get("name") == arguments.name]
        if not known:
            raise Refused("not_found", f"There is no host {arguments.name!r}.")
        print(",".join(map(safe, known[0]["tenants"])))
        return
    body = {"tenants": _names(arguments.tenants)}
    host = client.put("platform", "hosts", arguments.name, "tenants", body=body)["host"]
    shown = ", ".join(map(safe, host["tenants"])) or "none"
    print(f"host {safe(host['name'])}: tenants {shown}")


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The body of a request out of the options that were given. Raises InvalidInput."""
    body: dict[str, Any] = {}
    if arguments.title is not None:
        body["title"] = arguments.title
    theme: dict[str, Any] = {}
    if arguments.accent is not None:
        theme["accent"] = None if arguments.accent == _NONE else arguments.accent
    if arguments.logo is not None:
        theme["logo"] = None if arguments.logo == _NONE else _logo(arguments.logo)
    if theme:
        body["theme"] = theme
    if arguments.host_names is not None:
        body["host_names"] = _names(arguments.host_names)
    given = {name: getattr(arguments, name) for name in _QUOTAS if getattr(arguments, name) is not None}
    if given:
        body["quotas"] = {name: _limit(name, text) for name, text in given.items()}
    return body


def _logo(file: str) -> dict[str, str]:
    try:
        return icons.from_file(Path(file)).to_json()
    except icons.IconError as exc:
        raise InvalidInput("--logo", str(exc)) from exc


def _limit(name: str, text: str) -> int | float | None:
    if text == _NONE:
        return None
    try:
        return int(text) if name == "sessions" else float(text)
    except ValueError as exc:
        raise InvalidInput("--" + name.replace("_", "-"), "a number, or none") from exc


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _print(tenant: dict[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(as_json(tenant))
        return
    theme, quotas = tenant.get("theme") or {}, tenant.get("quotas") or {}
    limits = ", ".join(
        f"{name.replace('_', ' ')} {quotas[name]:g}" for name in _QUOTAS if quotas.get(name) is not None
    )
    rows = [
        ("title", tenant.get("title")),
        ("accent", theme.get("accent")),
        ("logo", bool(theme.get("logo"))),
        ("host names", tenant.get("host_names")),
        ("quotas", limits),
    ]
    print(f"tenant {safe(tenant.get('name'))}")
    print("\n".join(f"  {line}" for line in table(("", ""), rows).splitlines()[1:]))
