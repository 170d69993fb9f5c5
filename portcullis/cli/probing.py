"""`probe set|get|delete|account`: scheduled test launches, and the users that they sign in as."""

from __future__ import annotations

import argparse
from typing import Any

from portcullis.cli.output import as_json, moment, safe, wrapped
from portcullis.reasons import remedy
from portcullis.rest.client import Client

Item = dict[str, Any]

UNWELL = 1


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    change = commands.add_parser("set", help="launch an application again and again, to see that it starts")
    show = commands.add_parser("get", help="how it went the last time; exit code 1 if it failed")
    take = commands.add_parser("delete", help="launch it no more")
    for command, run in ((change, set_probe), (show, get_probe), (take, delete_probe)):
        command.add_argument("application", metavar="APPLICATION")
        command.add_argument("--json", action="store_true", help="JSON instead of text")
        command.set_defaults(run=run)
    change.add_argument(
        "--user", required=True, help="as whom: an account of its own, which has enrolled and is entitled"
    )
    account = commands.add_parser(
        "account", help="make a user for probes, whose password and factor only the brokers know"
    )
    account.add_argument("name", metavar="NAME")
    account.add_argument("--groups", default="", metavar="GROUP,...", help="that the applications admit")
    account.add_argument("--json", action="store_true", help="JSON instead of text")
    account.set_defaults(run=make_account)
    change.add_argument("--every", type=int, metavar="SECONDS", help="60 to 86400; 300 if it is not named")


def set_probe(client: Client, arguments: argparse.Namespace) -> None:
    body: Item = {"user": arguments.user}
    if arguments.every is not None:
        body["every_seconds"] = arguments.every
    _print(client.put("admin", "probes", arguments.application, body=body)["probe"], arguments)


def make_account(client: Client, arguments: argparse.Namespace) -> None:
    groups = [name.strip() for name in arguments.groups.split(",") if name.strip()]
    user = client.post("admin", "probe-accounts", body={"name": arguments.name, "groups": groups})["user"]
    if arguments.json:
        print(as_json(user))
        return
    name = safe(user["name"])
    print(f"{name} is there. It signs in as a person does: portcullis probe set APPLICATION --user {name}")


def get_probe(client: Client, arguments: argparse.Namespace) -> int:
    probe = client.get("admin", "probes", arguments.application)["probe"]
    _print(probe, arguments)
    return UNWELL if probe.get("state") == "failed" else 0


def delete_probe(client: Client, arguments: argparse.Namespace) -> None:
    client.delete("admin", "probes", arguments.application)
    print(as_json({}) if arguments.json else f"{safe(arguments.application)} is launched no more.")


def _print(probe: Item, arguments: argparse.Namespace) -> None:
    print(as_json(probe) if arguments.json else shown(probe))


def shown(probe: Item) -> str:
    last = probe.get("last") or {}
    lines = [
        f"{safe(probe.get('application'))}: {safe(probe.get('state'))}",
        f"  as {safe(probe.get('user'))}, every {safe(probe.get('every_seconds'))} s",
    ]
    if last:
        took = ", ".join(f"{safe(name)} {value:g} ms" for name, value in (last.get("stages") or {}).items())
        lines.append(f"  {moment(last.get('time'))}{' on ' + safe(last['host']) if last.get('host') else ''}")
        lines += [f"  {took}"] if took else []
    if last.get("state") == "ok":
        how = "by password and code" if last.get("by_password") else "by a login that was made for it"
        lines.append(f"  signed in {how}")
    if last.get("stage"):
        lines.append(f"  did not pass the stage {safe(last['stage'])}")
    if last.get("code"):
        known = remedy(str(last["code"])) or ""
        told = known.replace("REFERENCE", safe(last.get("reference") or "REFERENCE"))
        lines += [
            f"  {safe(last.get('detail') or '')} [{safe(last['code'])}]".replace("   [", "  ["),
            *wrapped(told),
        ]
    if last.get("reference"):
        lines.append(f"  → portcullis explain {safe(last['reference'])}")
    return "\n".join(lines)
