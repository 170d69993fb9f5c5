"""Commands that take rights back: `user sign-out`, `session end-orphan`, `panic`. They need no writable grid.

What a broker could tell the machines, but not write yet, is said: it follows by itself when the grid is back.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from portcullis.cli.output import safe
from portcullis.errors import Refused
from portcullis.rest.client import Client

_LATER = "The grid takes no changes now: it acts already, and is written when the grid is back."


def sign_out_user(client: Client, arguments: argparse.Namespace) -> None:
    answer = client.post("admin", "users", arguments.name, "sign-out", body={})
    print(f"user {safe(arguments.name)}: signed out everywhere")
    say_if_unmerged(answer)


def end_orphan(client: Client, arguments: argparse.Namespace) -> None:
    answer = client.request("DELETE", ("admin", "orphans", arguments.host, arguments.session))
    print(f"session {safe(arguments.session)}: is ended on {safe(arguments.host)}")
    say_if_unmerged(answer)


def panic(client: Client, arguments: argparse.Namespace) -> None:
    site = str(client.get("admin", "status")["site"])
    if not arguments.yes:
        print(
            "Every login, ticket and grant of the site is void from then on: everybody is signed out, every\n"
            "connection is closed. Applications go on running, and whoever may signs in again. API tokens "
            + ("are revoked, this one included." if arguments.api_tokens else "stay."),
            file=sys.stderr,
        )
        print(f"Type the name of the site ({safe(site)}) to go on: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != site:
            raise Refused("not_confirmed")
    answer = client.post("admin", "panic", body={"confirm": site, "api_tokens": arguments.api_tokens})
    print(f"site {safe(site)}: every login, ticket and grant is void")
    say_if_unmerged(answer)


def say_if_unmerged(answer: Any) -> None:
    if isinstance(answer, dict) and answer.get("merged") is False:
        print(_LATER, file=sys.stderr)
