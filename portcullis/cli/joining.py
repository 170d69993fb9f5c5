"""`host join-token` and `gateway join-token`: the one-time right, and what to do with it on the other machine.

The token alone goes to standard output, for scripts; everything that is said about it to standard error.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from portcullis.cli.output import as_json, moment, safe
from portcullis.rest.client import Client

_UNREACHABLE = """\
Other machines can't reach this site: it listens on this one alone. Open it first, then make a new token:

  deploy/quickstart.sh --listen ADDRESS --name PUBLIC.NAME     (docs/install.md)
"""
_COMMAND = """\
On the other machine, in a clone of this repository:

  PORTCULLIS_JOIN_TOKEN={token} deploy/{script} --broker {broker}{options}
"""
_ON_WINDOWS = """\

On a Windows machine, as administrator, with the package and the script that deploy/windows/build.sh makes
(docs/windows.md); it asks for the token:

  powershell -ExecutionPolicy Bypass -File install.ps1 -Source portcullis-agent.msi -Broker {broker}{options}
"""


def host_join_token(client: Client, arguments: argparse.Namespace) -> None:
    _join_token(client, arguments, "host")


def gateway_join_token(client: Client, arguments: argparse.Namespace) -> None:
    _join_token(client, arguments, "gateway")


def _join_token(client: Client, arguments: argparse.Namespace, role: str) -> None:
    body: dict[str, object] = {"role": role}
    if arguments.name is not None:
        body["name"] = arguments.name
    made = client.post("admin", "join-tokens", body=body)
    if arguments.json:
        print(as_json(made))
        return
    print(made["token"], flush=True)
    print(f"Good for one {role} until {moment(made.get('expires'))}.\n", file=sys.stderr)
    print(advice(made, role, arguments.name), file=sys.stderr)


def advice(made: dict[str, Any], role: str, name: str | None) -> str:
    """What to type where."""
    brokers = made.get("brokers") or []
    if not made.get("reachable") or not brokers:
        return _UNREACHABLE
    if role == "host":
        options = "" if name is None else f" --name {safe(name)}"
    else:
        options = ("" if name is None else f" --as {safe(name)}") + " --listen ADDRESS --name PUBLIC.NAME"
    token, broker = safe(made["token"]), safe(brokers[0])
    command = _COMMAND.format(token=token, script=f"{role}.sh", broker=broker, options=options)
    if role != "host":
        return command
    named = "" if name is None else f" -Name {safe(name)}"
    return command + _ON_WINDOWS.format(broker=broker, options=named)
