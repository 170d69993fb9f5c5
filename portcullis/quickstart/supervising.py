"""A supervisor from outside: launched apart from this process and its terminal, and ended when it does not answer.

Shared by quickstart and lab: `module` is what the supervisor runs as, with the clone as its only option.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from portcullis.quickstart import control_socket, health, log_files
from portcullis.quickstart.parts import ENVIRONMENT

START_SECONDS = 15.0


def launch(
    module: str, clone: Path, python: Path, log: Path, pid_file: Path, answers: Callable[[], bool]
) -> None:
    """Raises QuickstartError if it does not answer soon."""
    output = log_files.open_log(log)
    try:
        process = subprocess.Popen(
            (str(python), "-I", "-m", module, "--clone", str(clone)),
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        pid_file.write_text(f"{process.pid}\n")
    finally:
        os.close(output)
    try:
        health.wait(
            "the supervisor's start",
            lambda: None if answers() else "it does not answer",
            START_SECONDS,
            lambda: process.poll() is None,
        )
    except BaseException:  # Ctrl-C as well: nobody finds one that does not answer yet, to stop it
        process.terminate()
        process.wait()
        raise


def end_silent(name: str, clone: Path, pid_file: Path) -> None:
    """One that was launched and does not answer yet, whose launcher was killed meanwhile. Its parts end with it.

    `name`: how its module ends.
    """
    with contextlib.suppress(OSError, ValueError):  # there is none
        pid = int(pid_file.read_text())
        process = os.pidfd_open(pid)  # before the look: it stays this process, whoever gets the number later
        try:
            if f"{name}\0--clone\0{clone}\0" in Path(f"/proc/{pid}/cmdline").read_text():
                signal.pidfd_send_signal(process, signal.SIGTERM)
                select.select([process], [], [], control_socket.STOP_SECONDS)
        finally:
            os.close(process)
