"""The command `portcullis drill`. Exit codes: 0 every promise holds, 1 one is broken, 3 there is no running cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

SESSIONS = 6


def add_arguments(drill: argparse.ArgumentParser) -> None:
    drill.description = (
        "Kills, freezes and cuts off each kind of part of the cluster that deploy/cluster.sh runs, one after the "
        "other, while people type into sessions, and prints how long it took to recover beside what is promised. "
        "Everything is put back in the end, also after Ctrl-C. Needs root. Exit codes: 0 every promise holds, 1 one is "
        "broken, 3 there is no running cluster."
    )
    drill.add_argument("--runs", type=int, default=1, metavar="N", help="how often each fault (default: 1)")
    drill.add_argument(
        "--faults", metavar="A,B", help="these alone, in this order (default: all); list: --list"
    )
    drill.add_argument(
        "--seed", type=int, metavar="N", help="decides targets and moments; the same one again"
    )
    drill.add_argument(
        "--sessions", type=int, default=SESSIONS, metavar="N", help=f"live sessions (default: {SESSIONS})"
    )
    drill.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    drill.add_argument("--write-docs", action="store_true", help="write docs/reliability.md of the clone")
    drill.add_argument("--list", action="store_true", help="say which faults there are")
    drill.add_argument("--clone", type=Path, help="whose cluster (default: of the clone of this command)")
    drill.set_defaults(here=run)


def run(arguments: argparse.Namespace) -> int:
    # It brings HTTP and WebSocket clients, which no other command of the CLI waits for.
    from portcullis.drill import performance

    return performance.run(arguments)
