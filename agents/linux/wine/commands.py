"""The command `portcullis-agent wine-template`: make | list | programs | remove, for the administrator of a host."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from agents.linux.wine import making
from agents.linux.wine.templates import Templates
from agents.settings import AgentSettings
from portcullis import settings
from portcullis.errors import InvalidInput

if TYPE_CHECKING:
    from agents.backend import Commands


def add(commands: Commands) -> None:
    whole = commands.add_parser("wine-template", help="What Windows programs of this host are copied from.")
    acts = whole.add_subparsers(required=True, metavar="ACT")
    making_one = acts.add_parser("make", help="Make a template, or a newer version of one.")
    making_one.add_argument("name", metavar="NAME")
    making_one.add_argument("--installer", type=Path, metavar="FILE", help="An .msi or .exe, run in it.")
    making_one.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FOLDER",
        help="A Wine prefix to copy in place of a new one.",
    )
    making_one.add_argument(
        "arguments",
        nargs="*",
        metavar="ARGUMENT",
        help="Of the installer, after `--`: so that it asks nothing.",
    )
    making_one.set_defaults(run=_make)
    listing = acts.add_parser("list", help="Which templates this host has.")
    listing.set_defaults(run=_list)
    showing = acts.add_parser("programs", help="Programs of a template's start menu, as documents to apply.")
    showing.add_argument("name", metavar="NAME")
    showing.set_defaults(run=_programs)
    removing = acts.add_parser("remove", help="Remove a template. Users keep their copies of it.")
    removing.add_argument("name", metavar="NAME")
    removing.set_defaults(run=_remove)
    for act in (making_one, listing, showing, removing):
        act.add_argument(
            "--state", default=None, metavar="PATH", help="Folder of the host's key and templates."
        )
        act.add_argument("--config", metavar="FILE", help="The agent's YAML file, in place of --state.")


def _make(given: argparse.Namespace) -> int:
    wanted = making.Wanted(given.name, given.installer, tuple(given.arguments), given.source)
    template = making.make(_templates(given), wanted)
    print(f"{template.name} is made, version {template.version}, by {template.wine}.")
    if template.programs:
        print(
            f"Its start menu holds {len(template.programs)} programs: portcullis-agent wine-template programs"
        )
    return 0


def _list(given: argparse.Namespace) -> int:
    for each in _templates(given).all():
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.version))
        print(
            f"{each.name}  {each.version}  {made}  {each.wine}  {len(each.programs)} programs  {each.source}"
        )
    return 0


def _programs(given: argparse.Namespace) -> int:
    template = _templates(given).find(given.name)
    if template is None:
        raise InvalidInput("NAME", "a template of this host")
    if template.programs:
        print(yaml.safe_dump_all(making.documents(template), allow_unicode=True, sort_keys=False), end="")
    return 0


def _remove(given: argparse.Namespace) -> int:
    if not making.remove(_templates(given), given.name):
        raise InvalidInput("NAME", "a template of this host")
    print(f"{given.name} is removed.")
    return 0


def _templates(given: argparse.Namespace) -> Templates:
    return Templates.of_state(settings.load(AgentSettings, "agent", given).state)
