"""Runs one command of a service to its end, in the environment that the services have."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.parts import ENVIRONMENT

DEADLINE_SECONDS = 120


def run(command: Sequence[str]) -> None:
    """Raises QuickstartError with what it said."""
    try:
        done = subprocess.run(
            command,
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise QuickstartError(f"{_name(command)}: {exc}") from exc
    if done.returncode:
        said = (done.stderr + done.stdout).strip() or f"exit status {done.returncode}"
        raise QuickstartError(f"{_name(command)}: {said}")


def _name(command: Sequence[str]) -> str:
    """`portcullis-broker init`, without the options, which name secret files."""
    service = next((i for i, word in enumerate(command) if "/bin/portcullis-" in word), 0)
    return " ".join(word.rpartition("/")[2] for word in command[service : service + 2])
