"""The command `portcullis`: what the CLI speaks to a service, and what needs none because it starts one.

The latter bring much of the product along: they are loaded when they are asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from portcullis.cli import __main__ as cli


def _demo(parser: argparse.ArgumentParser) -> None:
    from portcullis import demo

    demo.add_arguments(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    from portcullis.doctor import command

    command.add_arguments(parser)


def _drill(parser: argparse.ArgumentParser) -> None:
    from portcullis.drill import command

    command.add_arguments(parser)


MORE: tuple[cli.Late, ...] = (
    ("demo", "try it: a whole site on this machine, until Ctrl-C", _demo),
    ("doctor", "what is wrong with this installation", _doctor),
    ("drill", "break a cluster on purpose, and measure", _drill),
)


def main(words: Sequence[str] | None = None) -> int:
    return cli.main(words, MORE)


if __name__ == "__main__":
    raise SystemExit(main())
