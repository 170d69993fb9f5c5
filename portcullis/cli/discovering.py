"""`portcullis host applications`: what a host, or every host of a group, has installed."""

from __future__ import annotations

import argparse
import contextlib
import locale
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from portcullis.cli.output import as_json, safe, table
from portcullis.errors import InvalidInput
from portcullis.rest.client import Client

Commands = argparse._SubParsersAction


def add_command(hosts: Commands[argparse.ArgumentParser]) -> None:
    look = hosts.add_parser(
        "applications", help="what a host has installed that could be published, by its menus"
    )
    look.add_argument("name", nargs="?", help="of the host")
    look.add_argument("--group", help="what is on all hosts of a host group, instead of one host")
    look.add_argument("--locale", help="language of the names, such as de-AT; this terminal's if absent")
    form = look.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON instead of text")
    form.add_argument(
        "--yaml", action="store_true", help="documents for `apply`, of what is not published yet"
    )
    look.set_defaults(run=applications)


def applications(client: Client, arguments: argparse.Namespace) -> None:
    """Raises InvalidInput when neither or both of host and group are named."""
    if bool(arguments.name) == bool(arguments.group):
        raise InvalidInput("host applications", "the name of a host, or --group and the name of a group")
    where = {"host": arguments.name} if arguments.name else {"host_group": arguments.group}
    answer = client.get("admin", "installed", query={**where, "locale": arguments.locale or _own_locale()})
    items = answer["items"]
    if arguments.group and not arguments.json:
        items = [item for item in items if not item.get("missing")]
    if arguments.json:
        print(as_json(answer))
    elif arguments.yaml:
        documents = [_document(item, arguments.group) for item in items if not item.get("published")]
        print(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, explicit_start=True), end="")
    elif not items:
        print("Nothing is installed there that its menus would show.")
    else:
        print(table(("NAME", "COMMAND", "PUBLISHED AS", "ID"), [_row(item) for item in items]))
    for host in answer.get("hosts", ()):
        if not arguments.json and not arguments.yaml and host.get("outcome") != "done":
            print(f"{safe(host.get('name'))}: did not answer ({safe(host.get('outcome'))})")


def _row(item: Mapping[str, Any]) -> tuple[object, ...]:
    command = shlex.join(map(str, item.get("command", ())))
    return (item.get("name"), command, item.get("published"), item.get("id"))


def _document(item: Mapping[str, Any], group: str | None) -> dict[str, Any]:
    return {
        "kind": "application",
        "name": item.get("suggested_name"),
        "command": item.get("command"),
        "entitled": {"groups": []},
        **({"host_groups": [group]} if group else {}),
    }


def _own_locale() -> str:
    """Of this terminal; none that the machine does not have."""
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_MESSAGES, "")
    return locale.getlocale(locale.LC_MESSAGES)[0] or ""
