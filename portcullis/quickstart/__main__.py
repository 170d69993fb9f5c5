"""Options of the quickstart. deploy/quickstart.sh installs what is missing and then calls this."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from portcullis.quickstart import foreground, instance, options, removal, start, status, stop, terminal
from portcullis.quickstart.network import Wish


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="deploy/quickstart.sh", description="Portcullis on this machine, to try it."
    )
    options.add_internal(top)
    top.add_argument("--port", type=options.port_number, help="where browsers connect")
    options.add_network(top)
    options.add_actions(top)
    return top


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
    return terminal.exit_status("quickstart", lambda: run(arguments))


def run(arguments: argparse.Namespace) -> int:
    clone = arguments.clone.resolve()
    if arguments.reset:
        return removal.reset(clone, arguments.yes)
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


if __name__ == "__main__":
    raise SystemExit(main())
