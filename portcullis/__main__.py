"""The command `portcullis`: what the CLI speaks to a service, and what needs none because it starts one."""

from __future__ import annotations

from collections.abc import Sequence

from portcullis import demo
from portcullis.cli import __main__ as cli
from portcullis.doctor import command as doctor
from portcullis.drill import command as drill


def main(words: Sequence[str] | None = None) -> int:
    return cli.main(words, (demo.add_command, doctor.add_command, drill.add_command))


if __name__ == "__main__":
    raise SystemExit(main())
