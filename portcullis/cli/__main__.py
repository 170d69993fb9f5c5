"""Options, dispatch and exit codes of the command `portcullis`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from portcullis import reasons
from portcullis.cli import (
    auditing,
    changing,
    configuring,
    discovering,
    explaining,
    exporting,
    groups,
    joining,
    looking_back,
    policies,
    probing,
    reading,
    revoking,
    roles,
    sessions,
    site,
    status,
    tenants,
    users,
)
from portcullis.cli.manifest import ManifestError
from portcullis.cli.output import safe, wrapped
from portcullis.errors import InvalidInput, PortcullisError, Unavailable
from portcullis.rest import profile
from portcullis.rest.client import Client
from portcullis.rest.profile import ProfileError

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_SAY_ALL = frozenset({"invalid_field", "not_found", "already_exists"})
"""Codes whose message says what to do, and what the table says is of no more use."""
FAILED, MALFORMED, NO_PROFILE, UNREACHABLE = 1, 2, 3, 4
_EXIT_CODES = """\
exit codes:
  0  done
  1  the service refused or failed
  2  wrong usage or malformed input; nothing was changed
  3  no usable profile
  4  the service does not answer
  5  `diff` found differences
"""


class _Parser(argparse.ArgumentParser):
    """Of a command whose arguments, or commands below it, are made when it is asked for: there are seventy, and what
    some of them need takes longer to load than most commands take.
    """

    prepare: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        prepare, self.prepare = self.prepare, None
        if prepare is not None:
            prepare(self)
        return super().parse_known_args(args, namespace)


def _subcommands(above: argparse.ArgumentParser) -> Commands:
    return above.add_subparsers(metavar="COMMAND", required=True)


Late = tuple[str, str, Callable[[argparse.ArgumentParser], None]]
"""A command by name, what it is for, and what gives it its arguments once it is asked for."""


def parser(more: Iterable[Late] = ()) -> argparse.ArgumentParser:
    top = _Parser(
        prog="portcullis",
        description="Publishes applications and looks after a tenant of Portcullis.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--profile", type=Path, metavar="FILE", help="another profile (url and token)")
    top.add_argument(
        "--tenant", metavar="NAME", help="act in this tenant, which was entered (`portcullis tenant enter`)"
    )
    commands = _subcommands(top)
    _add_reading(commands)
    _add_changing(commands)
    for late in more:
        _add_late(commands, *late)
    return top


def _add_reading(commands: Commands) -> None:
    get = commands.add_parser("get", help="list things")
    get.add_argument("kind", choices=sorted(reading.LISTS), metavar="|".join(reading.LISTS))
    get.add_argument(
        "--wide",
        action="store_true",
        help="more: of sessions how their streams are, of roles all that they allow",
    )
    get.set_defaults(run=reading.get)
    get.add_argument("--json", action="store_true", help="JSON instead of text")
    explaining.add_commands(commands)


def _add_changing(commands: Commands) -> None:
    apply = commands.add_parser(
        "apply", help="publish or change applications, or all configuration, from files"
    )
    apply.add_argument(
        "-f", "--file", required=True, help="YAML or JSON: a file, a folder of them, or - for standard input"
    )
    apply.add_argument("--json", action="store_true", help="JSON instead of text")
    apply.add_argument("--reason", metavar="TEXT", help="stands in the history")
    apply.add_argument(
        "--invite", action="store_true", help="print the link of each user who is new (on stderr)"
    )
    configuring.add_pruning(apply)
    apply.set_defaults(run=changing.apply)

    delete = commands.add_parser(
        "delete",
        help="take published applications away; their running sessions go on",
        usage="portcullis delete [--json] [--ignore-not-found] (application NAME... | -f FILE)",
    )
    delete.add_argument("kind", nargs="?", choices=("application",), help="what the names are of")
    delete.add_argument("names", nargs="*", metavar="NAME")
    delete.add_argument("-f", "--file", help="take away what `apply` made of this file; - for standard input")
    delete.add_argument("--ignore-not-found", action="store_true", help="what is not there is no error")
    delete.add_argument("--json", action="store_true", help="JSON instead of text")
    delete.set_defaults(run=changing.delete)

    configuring.add_commands(commands)
    exporting.add_command(commands)
    looking_back.add_commands(commands)
    auditing.add_command(commands)
    status.add_commands(commands)
    site.add_parser(commands)
    for name, help, fill in _GROUPS:
        _add_late(commands, name, help, lambda group, fill=fill: fill(_subcommands(group)))  # type: ignore[misc]

    panic = commands.add_parser(
        "panic", help="void every login, ticket and grant of the site at once; applications go on"
    )
    panic.add_argument("--yes", action="store_true", help="do not ask")
    panic.add_argument(
        "--api-tokens", action="store_true", help="revoke the API tokens as well, this one too"
    )
    panic.set_defaults(run=revoking.panic)


def _add_host_commands(hosts: Commands) -> None:
    _add_join_token(hosts, "host", joining.host_join_token)
    host_set = hosts.add_parser("set", help="put a host into host groups, which applications ask for")
    host_set.add_argument("name")
    host_set.add_argument("--groups", required=True, metavar="A,B", help="all of them; '' for none")
    host_set.set_defaults(run=changing.host_set)
    discovering.add_command(hosts)
    tenants.add_host_commands(hosts)


def _add_gateway_commands(gateways: Commands) -> None:
    _add_join_token(gateways, "gateway", joining.gateway_join_token)


def _add_token_commands(tokens: Commands) -> None:
    roles.add_token_commands(tokens)
    revoke = tokens.add_parser("revoke", help="revoke an API token")
    revoke.add_argument("id")
    revoke.set_defaults(run=changing.token_revoke)


def _add_join_token(group: Commands, role: str, run: Callable[[Client, argparse.Namespace], None]) -> None:
    token = group.add_parser(
        "join-token", help=f"a one-time token for a {role}, and the command to use it with"
    )
    token.add_argument("--name", help=f"the only name that the {role} may take; one that is there joins anew")
    token.add_argument("--json", action="store_true", help="JSON instead of text")
    token.set_defaults(run=run)


_GROUPS: tuple[tuple[str, str, Callable[[Commands], None]], ...] = (
    ("probe", "launch applications on a schedule, to see that they start", probing.add_commands),
    ("user", "look after users", users.add_commands),
    ("host", "add hosts and group them", _add_host_commands),
    ("gateway", "add gateways", _add_gateway_commands),
    ("tenant", "look after the tenants of the site", tenants.add_commands),
    ("group", "look after groups of users", groups.add_commands),
    ("policy", "say where, when and how applications are used", policies.add_commands),
    ("session", "look after sessions", sessions.add_commands),
    ("role", "say what users may do", roles.add_role_commands),
    ("token", "look after API tokens", _add_token_commands),
)


def _add_late(
    commands: Commands, name: str, help: str, prepare: Callable[[argparse.ArgumentParser], None]
) -> None:
    made = commands.add_parser(name, help=help)
    assert isinstance(made, _Parser)
    made.prepare = prepare


def run(arguments: argparse.Namespace) -> int:
    try:
        client = Client(profile.read(profile.find(arguments.profile)), tenant=arguments.tenant)
        return int(arguments.run(client, arguments) or 0)
    except ProfileError as exc:
        return _complain(str(exc), NO_PROFILE)
    except ManifestError as exc:
        return _complain(str(exc), MALFORMED)
    except InvalidInput as exc:
        return _complain(str(exc), MALFORMED)
    except PortcullisError as exc:
        message = "\n".join((_with_reference(exc), *_remedy(exc)))
        return _complain(message, UNREACHABLE if _is_unreachable(exc) else FAILED)


def _remedy(error: PortcullisError) -> list[str]:
    """What the table says to an administrator, unless the message names the field that is wrong."""
    remedy = None if "field" in error.data or error.code in _SAY_ALL else reasons.remedy(error.code)
    return wrapped(remedy) if remedy else []


def _is_unreachable(error: PortcullisError) -> bool:
    return isinstance(error, Unavailable) and error.code in (
        "gateway_unreachable",
        "broker_unreachable",
        "unavailable",
    )


def _with_reference(error: PortcullisError) -> str:
    reference = error.data.get("reference")
    return f"{error} (reference {reference})" if reference else str(error)


def _complain(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"portcullis: {safe(line)}", file=sys.stderr)
    return code


def main(words: Sequence[str] | None = None, more: Iterable[Late] = ()) -> int:
    """`more` adds commands that need no service: they set `here`, which runs them and returns the exit code."""
    try:
        arguments = parser(more).parse_args(words)
        code = arguments.here(arguments) if hasattr(arguments, "here") else run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `portcullis get sessions | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    raise SystemExit(main())
