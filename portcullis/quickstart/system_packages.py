"""Which system packages this machine lacks, from the list that deploy/prepare.sh installs (system_packages.txt)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Mapping, Set
from pathlib import Path

from portcullis.quickstart.parts import ENVIRONMENT

LIST = Path(__file__).with_suffix(".txt")
INSTALL = "apt-get install --no-install-recommends"


def missing() -> list[str]:
    """Of this machine. One that is not a Debian is asked for commands alone."""
    wanted = parse(LIST.read_text())
    known = installed(wanted) if shutil.which("dpkg-query") else None
    return choose(wanted, {c for commands in wanted.values() for c in commands if is_there(c)}, known)


def parse(text: str) -> dict[str, tuple[str, ...]]:
    """Package -> its commands."""
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {words[0]: tuple(words[1:]) for words in lines if words}


def choose(
    wanted: Mapping[str, tuple[str, ...]], there: Set[str], known: Collection[str] | None
) -> list[str]:
    """Those with a command that is not `there`, and those without commands that are not `known` to be installed."""
    return [
        package
        for package, commands in wanted.items()
        if (not there >= set(commands) if commands else known is not None and package not in known)
    ]


def is_there(command: str) -> bool:
    return shutil.which(command, path=ENVIRONMENT["PATH"]) is not None


def installed(packages: Collection[str]) -> set[str]:
    query = ("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages)
    said = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return {line.removesuffix(" installed") for line in said.splitlines() if line.endswith(" installed")}
