"""A program that was loaded before the fork: what `exec` would have done besides.

It has no descriptors but those that it is given, the environment that it is given, the signals of a new process, and
is shown under its own name: tools, sweeps and people find a process by its arguments and environment.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

Loaded = Callable[[Sequence[str]], int]
"""Gets its command line, returns its exit status."""

_PR_SET_MM, _PR_SET_MM_MAP = 35, 14
_libc = ctypes.CDLL(None, use_errno=True)
_libc.sbrk.restype = ctypes.c_void_p


class _Map(ctypes.Structure):
    """`struct prctl_mm_map` (linux/prctl.h): all of it is set at once, most of it to what it was."""

    _fields_ = (
        *(
            (name, ctypes.c_uint64)
            for name in (
                *("start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack"),
                *("arg_start", "arg_end", "env_start", "env_end", "auxv"),
            )
        ),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_int32),
    )


def run(program: Loaded, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """In a child that was forked for it, and has become its account."""
    status = 1
    try:
        keep_descriptors({0, 1, 2, 3})
        _reset_signals()
        os.environ.clear()  # noqa: TID251  # as exec does; what the C library knows goes along
        os.environ.update(environment)  # noqa: TID251
        show(command, environment)
        gc.enable()
        status = program(command)
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1
    except BaseException:  # whatever it is: a child must not return
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _reset_signals() -> None:
    """As in every new Python."""
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)


def keep_descriptors(kept: Collection[int]) -> None:
    """All others are closed."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # names alone
        if int(name) not in kept:
            os.closerange(int(name), int(name) + 1)  # that of the listing itself has gone already


def show(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """As this process's arguments and environment in /proc. Raises OSError where the kernel cannot."""
    arguments = b"".join(os.fsencode(word) + b"\0" for word in command)
    variables = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environment.items())
    _shown[:] = [ctypes.create_string_buffer(arguments + variables, len(arguments) + len(variables))]
    begin = ctypes.addressof(_shown[0])
    middle, end = begin + len(arguments), begin + len(arguments) + len(variables)
    # proc(5): the third field of /proc/PID/stat is the first that follows the name.
    field = ["", "", "", *Path("/proc/self/stat").read_text().rpartition(")")[2].split()]
    places = (int(field[number]) for number in (26, 27, 45, 46, 47))
    new = _Map(*places, _libc.sbrk(0), int(field[28]), begin, middle, middle, end, 0, 0, -1)
    if _libc.prctl(_PR_SET_MM, _PR_SET_MM_MAP, ctypes.byref(new), ctypes.sizeof(new), 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the name of a process: {os.strerror(number)}")


_shown: list[ctypes.Array[ctypes.c_char]] = []
"""What the kernel reads."""
