"""Options that the quickstart shares with those who add machines (machine.py)."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_internal(top: argparse.ArgumentParser) -> None:
    """What the scripts in deploy/ pass on of themselves."""
    top.add_argument("--clone", type=Path, required=True, help=argparse.SUPPRESS)
    top.add_argument("--release", type=Path, help=argparse.SUPPRESS)
    top.add_argument("--lock-descriptor", type=int, help=argparse.SUPPRESS)
    top.add_argument("--unprivileged", action="store_true", help="without root: sessions are not walled off")


def add_actions(top: argparse.ArgumentParser) -> None:
    top.add_argument("--foreground", action="store_true", help="stay, and stop everything at the end")
    top.add_argument("--yes", action="store_true", help="--reset does not ask")
    action = top.add_mutually_exclusive_group()
    action.add_argument("--stop", action="store_true", help="log off sessions, stop all")
    action.add_argument("--status", action="store_true", help="what runs")
    action.add_argument("--reset", action="store_true", help="remove all that was made")


def add_network(top: argparse.ArgumentParser) -> None:
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
