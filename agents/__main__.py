"""The command `portcullis-agent`: join | serve, and what the operating system adds."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from agents.app import DEFAULT_SLOTS, bounded, serve, version, write_slots
from agents.backend import load
from agents.settings import AgentSettings
from portcullis import logs, settings
from portcullis.enrolment.joining import join
from portcullis.errors import PortcullisError
from portcullis.settings import Address

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    logs.configure("agent", getattr(given, "log_level", None) or "info")
    try:
        return int(given.run(given))
    except (PortcullisError, OSError) as exc:
        print(f"portcullis-agent: {exc}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="portcullis-agent", description="Runs sessions on this host.")
    whole.add_argument("--version", action="version", version=version())
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    _add_join(commands.add_parser("join", help="Enrol this machine as a host of a site."))
    serving = commands.add_parser("serve", help="Run the agent.")
    settings.add_arguments(serving, AgentSettings)
    serving.set_defaults(run=_serve)
    load().add_commands(commands)
    return whole


def _add_join(command: argparse.ArgumentParser) -> None:
    command.add_argument("--state", type=Path, required=True, help="Folder for key and certificate.")
    command.add_argument("--broker", type=Address.parse, required=True, metavar="HOST:PORT")
    command.add_argument("--token-file", type=Path, required=True, help="File with the join token.")
    command.add_argument("--name", required=True, help="Name of the host.")
    command.add_argument("--slots", type=int, default=DEFAULT_SLOTS, help="How many sessions run at once.")
    command.set_defaults(run=_join)


def _join(given: argparse.Namespace) -> int:
    token = given.token_file.read_text().strip()
    slots = bounded(given.slots, load().maximum_sessions)
    credentials = asyncio.run(
        join(
            given.broker,
            token,
            given.name,
            given.state,
            load().key_protection(),
            role="host",
            slots=slots,
        )
    )
    write_slots(given.state, slots)
    print(f"{credentials.name} is a host of {credentials.site_name} now.")
    return 0


def _serve(given: argparse.Namespace) -> int:
    asyncio.run(_serve_until_signalled(settings.load(AgentSettings, "agent", given)))
    return 0


async def _serve_until_signalled(chosen: AgentSettings) -> None:
    logs.configure("agent", chosen.log_level, chosen.log_format)
    stop = asyncio.Event()
    load().on_stop(stop.set)
    await serve(chosen, stop)


if __name__ == "__main__":
    sys.exit(main())
