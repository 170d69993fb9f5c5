"""The application of a session that runs a Windows program: prepares the user's copy, starts Wine, and ends it well.

    python -I -m agents.linux.wine.runner '{"folder", "template", "version", "template_user", ...}' [ARGUMENT...]

It runs as the session's user, with the template's folder as descriptor 3, and lives as long as something of Wine does:
a program may hand over to another one and end. Once the program that was started has ended and no window has been open
for a while, what is left is taken for a helper that forgot to go. Asked to end (SIGTERM, which its leader sends it
alone), it closes the windows as their own button does, and then stops the copy's wineserver, which writes the registry.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from agents.linux.wine import prefix
from agents.linux.wine.exit_codes import EXIT_STATUSES, Trouble

TEMPLATE_DESCRIPTOR = 3
WINDOWLESS_SECONDS = 5.0
LOOK_SECONDS = 1.0
LAST_SECONDS = 1.0
"""Of the grace, for the wineserver to write its files."""
OWN_OVERRIDES = "winemenubuilder.exe=d"
"""Nothing is registered in the user's menus and file types."""
DOWNLOADED = {"mscoree": "mono", "mshtml": "gecko"}
"""What Wine would ask to download, unless the template has it in C:\\windows."""


class Asked(BaseException):
    """To end."""


@dataclass(frozen=True, slots=True)
class Job:
    folder: Path
    template: prefix.Template
    user: str
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    grace_seconds: float
    dots_per_inch: int

    @classmethod
    def of(cls, words: Sequence[str]) -> Job:
        said: dict[str, Any] = json.loads(words[0])
        place = f"/proc/self/fd/{TEMPLATE_DESCRIPTOR}/prefix"
        template = prefix.Template(
            said["template"], int(said["version"]), said["template_user"], said.get("prefix", place)
        )
        return cls(
            Path(said["folder"]),
            template,
            said["user"],
            tuple(said["program"]),
            tuple(words[1:]),
            float(said["grace_seconds"]),
            int(said["dots_per_inch"]),
        )


def main(words: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _asked)
    try:
        run(Job.of(words))
    except Trouble as trouble:
        print(f"{trouble}", flush=True)
        return EXIT_STATUSES[trouble.code]
    except Asked:
        return 0
    return 0


def run(job: Job) -> None:
    """Until nothing of Wine is left. Raises Trouble."""
    home = Path(os.environ["HOME"])  # noqa: TID251  # the session's, which is this process's own
    with prefix.locked(job.folder) as lock:
        stamp = prefix.ready(job.folder, job.template, job.user, home)
        place = job.folder / "prefix"
        file = prefix.program_file(place, job.program)
        if file is None:
            raise Trouble("wine_program_missing", f"{_windows_path(job.program)} is not in {place}")
        prefix.scale(place, job.dots_per_inch)
        (place / prefix.SERVER).unlink(
            missing_ok=True
        )  # the folder was in the /tmp of a session that has ended
        variables = environment(os.environ, place, stamp.user)  # noqa: TID251
        os.set_inheritable(lock, True)
        try:
            _live(job, file, variables, lock)
        except Asked:
            _end(job, variables)


def environment(own: Mapping[str, str], place: Path, user: str) -> dict[str, str]:
    """Of Wine. What the application says of libraries (WINEDLLOVERRIDES) counts beside what is said here."""
    windows = place / "drive_c/windows"
    absent = ",".join(dll for dll, folder in DOWNLOADED.items() if not (windows / folder).is_dir())
    overrides = [own.get("WINEDLLOVERRIDES", ""), OWN_OVERRIDES, f"{absent}=" if absent else ""]
    return {
        "WINEDEBUG": "-all",
        **own,
        "WINEPREFIX": str(place),
        "WINEARCH": "win64",
        "WINEDLLOVERRIDES": ";".join(filter(None, overrides)),
        "USER": user,
    }


def _live(job: Job, file: Path, variables: Mapping[str, str], lock: int) -> None:
    program = _start(["wine", _windows_path(job.program), *job.arguments], variables, file.parent, lock)
    status = program.wait()
    print(f"{job.program[-1]} ended with {status}", flush=True)
    _outlive(variables)


def _outlive(variables: Mapping[str, str]) -> None:
    """Until all of Wine has ended, or nothing is left that has a window."""
    from agents.linux.wine.windows import client_windows  # a display's library: only needed here

    waiting = subprocess.Popen(["wineserver", "-w"], env=dict(variables))
    last_seen = time.monotonic()
    while time.monotonic() - last_seen < WINDOWLESS_SECONDS:
        try:
            waiting.wait(LOOK_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if client_windows():
                last_seen = time.monotonic()
    _stop(variables)


def _end(job: Job, variables: Mapping[str, str]) -> None:
    """As a person would: each window's own button. A program that asks whether to save has the rest of the grace."""
    from agents.linux.wine.windows import close_all

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    close_all()
    waiting = subprocess.Popen(["wineserver", "-w"], env=dict(variables))
    try:
        waiting.wait(max(0.0, job.grace_seconds - LAST_SECONDS))
    except subprocess.TimeoutExpired:
        _stop(variables)


def _stop(variables: Mapping[str, str]) -> None:
    subprocess.run(["wineserver", "-k"], env=dict(variables), check=False)
    subprocess.run(["wineserver", "-w"], env=dict(variables), check=False)


def _start(
    command: Sequence[str], variables: Mapping[str, str], folder: Path, lock: int
) -> subprocess.Popen[bytes]:
    if shutil.which(command[0], path=variables.get("PATH")) is None:
        raise Trouble("wine_failed", f"{command[0]} is not installed")
    # Its server outlives this process if that is killed, and the copy must stay locked as long.
    return subprocess.Popen(
        list(command), env=dict(variables), cwd=folder, pass_fds=(lock,), stdin=subprocess.DEVNULL
    )


def _windows_path(parts: Sequence[str]) -> str:
    return "C:\\" + "\\".join(parts)


def _asked(number: int, frame: object) -> NoReturn:
    raise Asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
