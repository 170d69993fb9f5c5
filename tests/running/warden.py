"""Runs one command and ends all that it left behind: `python -m tests.running.warden SECONDS COMMAND...`.

Orphans of what a check started come to the warden (Linux: a child subreaper), whatever sessions they made for
themselves, so nothing of a check is there when the next one begins, and all of its processor time is counted. An
interrupt is passed on once, to the process group of the command, which then has SECONDS to put everything back.
Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_WATCHED = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM}
_ENDING_SECONDS = 10
"""For what a command left running, between SIGTERM and SIGKILL."""
NO_SUCH_COMMAND = 127


def main() -> int:
    allowed, command = float(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        process = subprocess.Popen(command, start_new_session=True, preexec_fn=_hear_signals)
    except OSError as exc:
        print(f"{command[0]}: {exc.strerror}", file=sys.stderr)
        return NO_SUCH_COMMAND
    status = _guarded(process.pid, allowed)
    _end_the_rest()
    return status if status >= 0 else 128 - status


def _hear_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)


def _guarded(command: int, allowed: float) -> int:
    """Its exit status; negative for a signal."""
    deadline = float("inf")
    while (status := _reaped().get(command)) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            print(f"not ended {allowed:.0f} s after an interrupt: killed", flush=True)
            _signal(command, signal.SIGKILL)
            deadline = float("inf")
            continue
        heard = signal.sigtimedwait(_WATCHED, min(left, 3600))
        if heard is not None and heard.si_signo != signal.SIGCHLD and deadline == float("inf"):
            _signal(command, signal.SIGINT)
            deadline = time.monotonic() + allowed
    return status


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _reaped() -> dict[int, int]:
    """The exit status of each child that has ended."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def _end_the_rest() -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = _descendants()
        if not left:
            return
        names = ", ".join(sorted(left.values()))
        print(f"left running, ended by {number.name}: {names}", flush=True)
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        deadline = time.monotonic() + _ENDING_SECONDS
        while _descendants() and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, 0.2)
            _reaped()


def _descendants() -> dict[int, str]:
    """Living processes below this one, with their names."""
    _reaped()
    children: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, rest = stat.read_text(errors="replace").rpartition(")")
            state, parent = rest.split()[:2]
            if state != "Z":
                children[int(parent)].append((int(stat.parent.name), head.partition("(")[2]))
    found: dict[int, str] = {}
    below = [os.getpid()]
    while below:
        for pid, name in children[below.pop()]:
            found[pid] = name
            below.append(pid)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
