"""`portcullis-broker serve | init | recover-admin | backup | restore | migrate | rotate-keys`: the command line of
the broker.

What an operator can put right is one line on standard error and exit status 1; a usage error is 2; anything else is a
bug and keeps its traceback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from broker import collecting
from broker.app import Broker
from broker.backup.commands import add_commands
from broker.describe import description
from broker.grid.disk import GridInUse
from broker.grid.grid import GridError
from broker.grid.opening import GridChoice, open_grid
from broker.grid.seal import SiteKey
from broker.initialise import initialise, mint_join_tokens
from broker.recover import become_owner, recover_administrator
from broker.settings import BrokerSettings
from portcullis import logs, settings
from portcullis.errors import InvalidInput, PortcullisError, Unavailable
from portcullis.reasons import BACKUPS
from portcullis.tasks import cancel_and_wait, spawn

_STOP_FIRST = (
    "The broker runs: nothing was changed. Stop it (after a quickstart: deploy/quickstart.sh --stop), run this again, "
    "start it, and open the link then."
)


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], Awaitable[None]] = parsed.run
    try:
        asyncio.run(_awaited(run(parsed)))
    except (PortcullisError, GridError, OSError) as exc:
        message = getattr(exc, "message", str(exc))
        if isinstance(exc, GridError) or (isinstance(exc, PortcullisError) and exc.code in BACKUPS):
            message += f" [{exc.code}]"
        print(f"portcullis-broker: {message}", file=sys.stderr)
        return 1
    return 0


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="portcullis-broker", description="The broker of a Portcullis site.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve gateways and hosts until SIGTERM or SIGINT")
    settings.add_arguments(serve, BrokerSettings)
    serve.set_defaults(run=_serve)
    init = commands.add_parser("init", help="set up a site in an empty grid, while no broker runs")
    _add_init_arguments(init)
    init.set_defaults(run=_init)
    recover = commands.add_parser(
        "recover-admin",
        help="let a lost administrator enrol anew, while no broker runs",
        description="Takes away an administrator's password, factor and recovery codes, enables the account, and "
        "prints a link (24 hours, good once) by which the person enrols anew. For the machine of the broker, while "
        "no broker runs: stop it, run this, start it, open the link. As root it acts as the owner of the state folder.",
    )
    GridChoice.add_arguments(recover)
    recover.add_argument("--tenant", metavar="NAME", help="The tenant, if the site has several.")
    recover.add_argument("--name", metavar="NAME", help="The administrator, if there are several.")
    recover.add_argument(
        "--platform", action="store_true", help="Make them a platform administrator, where nobody else can."
    )
    recover.set_defaults(run=_recover_administrator)
    openapi = commands.add_parser(
        "openapi", help="print the description of the REST API (OpenAPI 3.1), as this version serves it"
    )
    openapi.set_defaults(run=_print_description)
    add_commands(commands)
    return parser


def _add_init_arguments(parser: argparse.ArgumentParser) -> None:
    GridChoice.add_arguments(parser)
    parser.add_argument(
        "--secrets-file",
        type=Path,
        required=True,
        metavar="PATH",
        help="Where to write what was made, mode 0600.",
    )
    parser.add_argument(
        "--tokens", action="store_true", help="Of a site that exists, make new join tokens only."
    )
    parser.add_argument(
        "--gateway", metavar="NAME", help="With --tokens: of this name, for a gateway that joins anew."
    )
    parser.add_argument("--site", metavar="NAME", help="The site's name.")
    parser.add_argument("--tenant", metavar="NAME", help="The first tenant's name.")
    parser.add_argument("--administrator", metavar="NAME", help="The first administrator's user name.")
    parser.add_argument("--user", metavar="NAME", help="The first user's name.")
    parser.add_argument("--public-origin", metavar="URL", help="Where browsers reach the site.")


async def _serve(arguments: argparse.Namespace) -> None:
    loaded = settings.load(BrokerSettings, "broker", arguments)
    loaded.check()
    logs.configure("broker", loaded.log_level, loaded.log_format)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    broker = Broker(loaded)
    with collecting.filling():
        await broker.start()
    try:
        await serve_until(stopping, broker)
    finally:
        await broker.stop()


async def serve_until(stopping: asyncio.Event, broker: Broker) -> None:
    """Raises Unavailable when the broker cannot go on: whoever started the process starts another."""
    stopped = spawn(stopping.wait(), name="stop signal")
    failed = spawn(broker.until_failed(), name="failure of the broker")
    try:
        await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            raise Unavailable(message=failed.result())
    finally:
        await cancel_and_wait(stopped, failed)


async def _init(arguments: argparse.Namespace) -> None:
    state: Path = arguments.state
    needed = () if arguments.tokens else ("site", "tenant", "administrator", "user", "public_origin")
    for name in needed:
        if getattr(arguments, name) is None:
            raise InvalidInput("--" + name.replace("_", "-"), "a value")
    site_key = _site_key(state, may_create=not arguments.tokens)
    grid = await open_grid(GridChoice.of(arguments), may_create=not arguments.tokens)
    try:
        if arguments.tokens:
            await mint_join_tokens(
                grid,
                site_key,
                tenant_name=arguments.tenant,
                secrets_file=arguments.secrets_file,
                gateway_name=arguments.gateway,
            )
        else:
            await initialise(
                grid,
                site_key,
                site_name=arguments.site,
                tenant_name=arguments.tenant,
                administrator=arguments.administrator,
                user=arguments.user,
                public_origin=arguments.public_origin,
                secrets_file=arguments.secrets_file,
            )
    finally:
        await grid.close()
    print(f"The secrets are in {arguments.secrets_file}.")


async def _recover_administrator(arguments: argparse.Namespace) -> None:
    state: Path = arguments.state
    choice = GridChoice.of(arguments)
    choice.check_made()
    become_owner(state)
    site_key = SiteKey.load(state / "site.key")
    try:
        grid = await open_grid(choice, may_create=False)
    except GridInUse as exc:
        raise Unavailable(message=_STOP_FIRST) from exc
    try:
        recovered = await recover_administrator(
            grid,
            site_key,
            tenant_name=arguments.tenant,
            name=arguments.name,
            platform=arguments.platform,
        )
    finally:
        await grid.close()
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(recovered.expires))
    print(recovered.link)
    print(
        f"{recovered.name} enrols anew by this link, once, until {until}. Start the broker before it is opened.",
        file=sys.stderr,
    )


async def _print_description(arguments: argparse.Namespace) -> None:
    print(json.dumps(await description(), indent=2))


def _site_key(state: Path, *, may_create: bool) -> SiteKey:
    """An operator may have put the key there before; else it is made."""
    path = state / "site.key"
    if may_create and not path.exists():
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SiteKey.create(path)
    return SiteKey.load(path)


if __name__ == "__main__":
    sys.exit(main())
