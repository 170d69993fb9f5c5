"""Options of the lab. deploy/cluster.sh installs what is missing and then calls this."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from portcullis.lab import layout, start, stop
from portcullis.lab.layout import Shape
from portcullis.lab.status import STOPPED, report
from portcullis.quickstart import options, terminal


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="deploy/cluster.sh", description="A little cluster on this machine.")
    options.add_internal(top)
    default = Shape()
    for name in ("members", "brokers", "gateways", "agents"):
        usual = getattr(default, name)
        top.add_argument(
            f"--{name}", type=int, metavar="N", help=f"how many (first start only; usually {usual})"
        )
    for name, text in (
        ("stop", "stop everything; what was made stays"),
        ("status", "how every part is"),
        ("reset", "stop, and remove all that was made"),
        ("yes", "do not ask"),
    ):
        top.add_argument(f"--{name}", action="store_true", help=text)
    return top


def main() -> int:
    arguments = parser().parse_args()
    if os.geteuid() != 0:
        print("cluster: needs root: it makes accounts for sessions", file=sys.stderr)
        return 1
    return terminal.exit_status("cluster", lambda: run(arguments))


def run(arguments: argparse.Namespace) -> int:
    clone = arguments.clone.resolve()
    if arguments.reset:
        return stop.reset(clone, arguments.yes)
    if arguments.stop or arguments.status:
        lab = layout.load(clone)
        if lab is None:
            print("Not started yet: deploy/cluster.sh starts it.")
            return STOPPED if arguments.status else 0
        if arguments.status:
            return report(lab)
        stop.stop(lab)
        return 0
    release = arguments.release or Path(sys.prefix)
    start.start(clone, release, wanted(arguments), arguments.lock_descriptor)
    return 0


def wanted(arguments: argparse.Namespace) -> Shape | None:
    """None when nothing was said of it."""
    given = {
        name: getattr(arguments, name)
        for name in Shape.__dataclass_fields__
        if getattr(arguments, name) is not None
    }
    return Shape(**given) if given else None


if __name__ == "__main__":
    raise SystemExit(main())
