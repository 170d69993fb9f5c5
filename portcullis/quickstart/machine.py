"""One machine more of a site that is elsewhere: a host (deploy/host.sh) or a gateway (deploy/gateway.sh).

It joins by a one-time token, is supervised as the quickstart's parts are, and keeps its state in the same kind of
place. What was asked for is checked before anything is made, and when joining fails nothing of the attempt is left.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from portcullis.enrolment.credentials import Credentials
from portcullis.enrolment.join_token import parse_join_token
from portcullis.quickstart import (
    commands,
    facts,
    first_start,
    foreground,
    health,
    instance,
    log_files,
    network,
    options,
    parts,
    registration,
    removal,
    start,
    status,
    stop,
    terminal,
)
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance, Ports, Role
from portcullis.quickstart.network import Wish
from portcullis.quickstart.place import instance_key, isolation_here
from portcullis.settings import Address

ONLINE_SECONDS = 60.0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="deploy/host.sh", description="A further machine of a site.")
    options.add_internal(top)
    top.add_argument("--role", choices=("host", "gateway"), required=True, help=argparse.SUPPRESS)
    top.add_argument(
        "--join-file", type=Path, metavar="FILE", help="file with the join token; - for standard input"
    )
    top.add_argument("--broker", metavar="HOST:PORT", help="inner address of a broker of the site")
    top.add_argument(
        "--as", dest="machine", metavar="NAME", help="what the machine is called in lists and logs"
    )
    top.add_argument("--slots", type=int, default=parts.SLOTS, help="how many sessions a host runs at once")
    top.add_argument("--port", type=options.port_number, help="where browsers connect to a gateway")
    options.add_network(top)
    options.add_actions(top)
    return top


def main() -> int:
    arguments = parser().parse_args()
    return terminal.exit_status(status.SCRIPTS[arguments.role], lambda: run(arguments))


def run(arguments: argparse.Namespace) -> int:
    clone = arguments.clone.resolve()
    if arguments.reset:
        return removal.reset(clone, arguments.yes)
    before = instance.load(clone)
    if arguments.stop or arguments.status:
        if before is None:
            print(f"Not started yet: deploy/{status.SCRIPTS[arguments.role]} starts it.")
            return status.STOPPED if arguments.status else 0
        if arguments.status:
            return status.report(before)
        stop.stop(before)
        return 0
    if before is not None and before.role != arguments.role:
        raise QuickstartError(f"this clone is a {before.role} already: --reset it, or take another clone")
    found = begin(clone, arguments) if before is None else go_on(before, arguments)
    return foreground.stay(found) if arguments.foreground else 0


def begin(clone: Path, arguments: argparse.Namespace) -> Instance:
    """Joins and starts. Raises QuickstartError."""
    token = read_token(arguments.join_file)
    broker = read_broker(arguments.broker)
    found = new_instance(clone, arguments).running(arguments.release or Path(sys.prefix))
    if found.place.is_there():
        raise QuickstartError(f"{found.state} holds the rest of another attempt: --reset removes it")
    with nothing_left(found):
        account = first_start.make_folders(found)
        start.hand_certificate(found, account)
        start.check_ports(found)
        with terminal.step(f"Joining the site by {broker}"):
            if found.role == "host":
                with first_start.token_file(found.state / "agent/join-token", token, os.geteuid()) as path:
                    commands.run(parts.join_host(found, path, name_of(arguments), broker, arguments.slots))
            else:
                folder = found.state / "gateway"
                with first_start.token_file(folder / "join-token", token, account.pw_uid) as path:
                    commands.run(parts.join_gateway(found, path, name_of(arguments), folder, broker))
        found = found.with_done(first_start.JOINED).registered_as(found.registration)
        instance.save(found)
    return started(found, arguments.lock_descriptor)


def go_on(before: Instance, arguments: argparse.Namespace) -> Instance:
    """Starts what has joined: with another release, another broker's address, or another network of a gateway."""
    found = dataclasses.replace(before, network=wanted_network(before, arguments))
    token = None if arguments.join_file is None else read_token(arguments.join_file)
    moves = found.role == "gateway" and found.registration != before.registered
    if token is not None and not moves:
        raise QuickstartError(f"this machine has joined as a {found.role} already: --reset it to join anew")
    if token is None and moves:
        raise QuickstartError(
            "another name or address of a gateway is enrolled: give a token of its name "
            f"(portcullis gateway join-token --name {joined_name(found)})"
        )
    running = start.stop_to_change(found, before, arguments.release or Path(sys.prefix))
    if running and arguments.broker is not None:
        stop.stop_supervisor(found)
    found = found.running(arguments.release or Path(sys.prefix))
    account = first_start.make_folders(found)
    start.hand_certificate(found, account)
    if arguments.broker is not None:
        registration.point(found.state / parts.PARTS[found.role][0], read_broker(arguments.broker))
    if token is not None:
        broker = read_broker(arguments.broker or credentials(found).brokers[0])
        with terminal.step(f"Moving to {found.url}"):
            registration.join_anew(found, account, token, joined_name(found), broker)
    found = found.registered_as(found.registration)
    instance.save(found)
    return started(found, arguments.lock_descriptor)


def started(found: Instance, lock_descriptor: int | None) -> Instance:
    if lock_descriptor is not None:
        os.close(lock_descriptor)
    part = parts.PARTS[found.role][0]
    with log_files.last_words(found.logs, start.LOG_LINES):
        if not start.is_supervised(found):
            start.check_ports(found)
            start.launch_supervisor(found)
        with terminal.step(f"Waiting until the {part} is connected"):
            port = found.ports.metrics(part)
            health.wait(
                "the connection to the site",
                lambda: health.part_trouble(port) or https_trouble(found),
                ONLINE_SECONDS,
                lambda: start.is_supervised(found),
            )
    print(words(found), flush=True)
    return found


def https_trouble(found: Instance) -> str | None:
    """A gateway is told its certificate a moment after it is connected."""
    return None if found.network is None else health.broker_trouble(found.network.public)


def words(found: Instance) -> str:
    known = credentials(found)
    script = status.SCRIPTS[found.role]
    if found.role == "host":
        reached = ""
    else:
        facts.write_trusted(found)
        reached = f"\n  URL            {found.url}\n{terminal.from_elsewhere(found)}"
    return f"""
{known.name} is a {found.role} of site {known.site_name} ({", ".join(known.brokers)}).
{reached}
  Logs           {found.logs}
  Look           deploy/{script} --status
  Stop, remove   deploy/{script} --stop, --reset
"""


def new_instance(clone: Path, arguments: argparse.Namespace) -> Instance:
    role: Role = arguments.role
    taken = [port for other in instance.others(clone) for port in other.all_ports]
    key = instance_key(clone)
    chosen = instance.choose_ports(None, key, taken, instance.port_is_free)
    if role == "host":
        ports = Ports(0, 0, 0, agent_metrics=chosen.agent_metrics)
    else:
        ports = Ports(0, 0, chosen.gateway_inner, gateway_metrics=chosen.gateway_metrics)
    found = Instance(clone, ports, isolation=isolation_here(), role=role)
    return dataclasses.replace(found, network=wanted_network(found, arguments))


def wanted_network(found: Instance, arguments: argparse.Namespace) -> network.Network | None:
    """A gateway's; a host listens to nobody."""
    if found.role == "host":
        return None
    wish = Wish(arguments.listen, arguments.name, arguments.cert, arguments.key, arguments.port)
    if found.network is None and wish.is_empty:
        raise QuickstartError("a gateway needs --listen ADDRESS and --name PUBLIC.NAME")
    held = set(found.sockets) if start.is_supervised(found) else set()
    chosen = network.choose(
        found.network,
        wish,
        lambda address, port: (address, port) in held or network.can_listen(address, port),
        low_ports=found.isolation == "accounts",
    )
    if chosen is None:
        raise QuickstartError(
            "a gateway on loopback serves nobody elsewhere: --listen ADDRESS --name PUBLIC.NAME"
        )
    return chosen


def read_token(file: Path | None) -> str:
    """Raises QuickstartError for what is no join token."""
    if file is None:
        raise QuickstartError(
            "this machine has not joined yet: --join TOKEN and --broker HOST:PORT are needed"
        )
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise QuickstartError(f"the join token cannot be read: {exc}") from exc
    if parse_join_token(text) is None:
        raise QuickstartError("that is not a join token: it reads join_..., in one piece [invalid_field]")
    return text.strip()


def read_broker(text: str | None) -> str:
    """`HOST:PORT`, or an https URL of that. Raises QuickstartError."""
    if text is None:
        raise QuickstartError("--broker HOST:PORT is needed: `portcullis host join-token` prints it")
    try:
        address = Address.parse(urlsplit(text).netloc if "://" in text else text)
    except ValueError:
        raise QuickstartError(f"--broker {text}: expected HOST:PORT [invalid_field]") from None
    if not address.port:
        raise QuickstartError(f"--broker {text}: expected HOST:PORT [invalid_field]")
    return str(address)


def name_of(arguments: argparse.Namespace) -> str:
    """Of a host `--name` is that, of a gateway what browsers call it."""
    named = arguments.name if arguments.role == "host" else None
    return named or arguments.machine or first_start.host_name()


def joined_name(found: Instance) -> str:
    return credentials(found).name


def credentials(found: Instance) -> Credentials:
    known = Credentials.load(found.state / parts.PARTS[found.role][0])
    if known is None:
        raise QuickstartError(f"{found.state} is damaged: --reset it and join anew")
    return known


@contextlib.contextmanager
def nothing_left(found: Instance) -> Iterator[None]:
    try:
        yield
    except BaseException:
        found.place.clear()
        shutil.rmtree(found.runtime, ignore_errors=True)
        shutil.rmtree(found.state, ignore_errors=True)
        raise


if __name__ == "__main__":
    raise SystemExit(main())
