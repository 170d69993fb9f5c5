"""Ends what a demo began, whatever becomes of the demo: `python -m portcullis.quickstart.keeper FOLDER [--keep]`.

A process and a session of its own. It waits for the end of its standard input, a pipe that the demo alone holds open:
one that is killed is cleaned up behind just as one that ends. It shares the demo's lock on the folder until it is done,
so that nobody starts there meanwhile.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from portcullis.quickstart import foreground, instance, stop
from portcullis.quickstart.errors import QuickstartError

LOCK = ".demo.lock"


def claim(folder: Path) -> int:
    """The descriptor of a lock that is held until all who share it are gone. Raises QuickstartError."""
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise QuickstartError(f"{path} cannot be written: {exc.strerror}") from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise QuickstartError(f"another one runs in {folder} already, or is just being ended") from None
    return descriptor


def start(folder: Path, keep: bool, lock: int) -> subprocess.Popen[bytes]:
    words = (sys.executable, "-I", "-m", "portcullis.quickstart.keeper", str(folder), *(["--keep"] * keep))
    return subprocess.Popen(words, cwd="/", stdin=subprocess.PIPE, pass_fds=(lock,), start_new_session=True)


def finish(process: subprocess.Popen[bytes], folder: Path, keep: bool) -> bool:
    """Whether all was ended, and removed unless it is to be kept."""
    assert process.stdin is not None
    process.stdin.close()
    status = process.wait()
    return status == 0 if status >= 0 else clean(folder, keep)  # else: somebody killed it


def clean(folder: Path, keep: bool) -> bool:
    """Nothing runs afterwards, and nothing is left unless it is kept. Says why when that fails."""
    try:
        found = instance.load(folder)
        if found is not None and keep:
            stop.stop(found)
        elif found is not None:
            stop.reset(found)
        if not keep:
            shutil.rmtree(folder)
    except (QuickstartError, OSError) as exc:
        print(f"portcullis demo: {exc}", file=sys.stderr)
        return False  # what is left lies in the folder: it is needed to look into that
    return True


def main() -> int:
    for number in foreground.ENDS:
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which what it starts would inherit
    parser = argparse.ArgumentParser(description="Ends what a demo began.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    sys.stdin.buffer.read()
    foreground.outlive_reader()
    return 0 if clean(arguments.folder, arguments.keep) else 1


if __name__ == "__main__":
    raise SystemExit(main())
