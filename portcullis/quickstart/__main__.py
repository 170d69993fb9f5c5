"""Options of the quickstart. deploy/quickstart.sh installs what is missing and then calls this."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from portcullis.quickstart import foreground, instance, start, status, stop
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance, Ports
from portcullis.quickstart.network import Wish
from portcullis.quickstart.place import isolation_here


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="deploy/quickstart.sh", description="Portcullis on this machine, to try it."
    )
    top.add_argument("--clone", type=Path, required=True, help=argparse.SUPPRESS)
    top.add_argument("--release", type=Path, help=argparse.SUPPRESS)
    top.add_argument("--lock-descriptor", type=int, help=argparse.SUPPRESS)
    top.add_argument("--unprivileged", action="store_true", help="without root: sessions are not walled off")
    top.add_argument("--port", type=port_number, help="where browsers connect")
    add_network_arguments(top)
    top.add_argument("--foreground", action="store_true", help="stay, and stop everything at the end")
    top.add_argument("--yes", action="store_true", help="--reset does not ask")
    action = top.add_mutually_exclusive_group()
    action.add_argument("--stop", action="store_true", help="log off sessions, stop all")
    action.add_argument("--status", action="store_true", help="what runs")
    action.add_argument("--reset", action="store_true", help="remove all that was made")
    return top


def add_network_arguments(top: argparse.ArgumentParser) -> None:
    top.add_argument(
        "--listen", metavar="ADDRESS", help="address for browsers and other machines; or localhost"
    )
    top.add_argument("--name", metavar="PUBLIC.NAME", help="what browsers call the site: https")
    top.add_argument(
        "--cert", type=Path, metavar="FILE", help="certificate for that name, with its chain; PEM"
    )
    top.add_argument("--key", type=Path, metavar="FILE", help="its key; PEM. Both absent: the site's web CA")


def port_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("expected a port from 1 to 65535")
    return int(text)


def main() -> int:
    arguments = parser().parse_args()
    if (os.geteuid() == 0) is arguments.unprivileged:
        needs = (
            "is for others than root"
            if arguments.unprivileged
            else "needs root: it makes accounts for sessions"
        )
        print(f"quickstart: {needs} (--unprivileged: without)", file=sys.stderr)
        return 1
    try:
        return run(arguments)
    except QuickstartError as exc:
        print(f"quickstart: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(arguments: argparse.Namespace) -> int:
    clone = arguments.clone.resolve()
    if arguments.reset:
        return reset(clone, arguments.yes)
    if arguments.stop or arguments.status:
        found = instance.load(clone)
        if found is None:
            print("Not started yet: deploy/quickstart.sh starts it.")
            return status.STOPPED if arguments.status else 0
        if arguments.status:
            return status.report(found)
        stop.stop(found)
        return 0
    release = arguments.release or Path(sys.prefix)
    wish = Wish(arguments.listen, arguments.name, arguments.cert, arguments.key)
    found = start.start(clone, release, arguments.port, arguments.lock_descriptor, wish=wish)
    return foreground.stay(found) if arguments.foreground else 0


def reset(clone: Path, yes: bool) -> int:
    found = instance_to_remove(clone)
    if found is None:
        print("There is nothing to remove.")
        return 0
    if not yes and not confirmed(found):
        print("Nothing was removed.")
        return 1
    stop.reset(found)
    return 0


def instance_to_remove(clone: Path) -> Instance | None:
    """Also one whose file is damaged or missing, as long as anything of it is there."""
    try:
        found = instance.load(clone)
    except QuickstartError:
        found = None
    if found is not None and found.releases and found.release.exists():
        return found
    ports = found.ports if found else Ports(0, 0, 0)
    nameless = Instance(clone, ports, (Path(sys.prefix),), isolation=isolation_here())
    return nameless if nameless.place.is_there() else None


def confirmed(found: Instance) -> bool:
    print(f"This ends all sessions and removes {found.place.what_reset_removes}.")
    try:
        return input("Remove it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
