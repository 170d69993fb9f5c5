"""The processes of a session, for help desk: what its helper started, and all that descends from it."""

from __future__ import annotations

import ctypes
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.windows import machine
from portcullis.protocol.acts import MAXIMUM_PROCESSES, Process

_SNAPSHOT_PROCESSES = 0x2
_INVALID = ctypes.c_void_p(-1).value
_NAME_CHARACTERS = 260


class Entry(ctypes.Structure):
    """PROCESSENTRY32W."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("usage", ctypes.c_uint32),
        ("pid", ctypes.c_uint32),
        ("heap", ctypes.c_size_t),
        ("module", ctypes.c_uint32),
        ("threads", ctypes.c_uint32),
        ("parent", ctypes.c_uint32),
        ("priority", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("name", ctypes.c_uint16 * _NAME_CHARACTERS),
    )


@dataclass(frozen=True, slots=True)
class Listed:
    pid: int
    parent: int
    name: str


def processes_of(known: Mapping[str, int]) -> Sequence[Process]:
    """The largest first. Raises OSError."""
    described = [_process(each) for each in family(known.values(), _listed())]
    return sorted(filter(None, described), key=lambda each: -each.memory_bytes)[:MAXIMUM_PROCESSES]


def family(pids: Iterable[int], listed: Sequence[Listed]) -> list[Listed]:
    """These and their descendants. A process whose parent has gone may bear its number again: none counts twice."""
    by_pid = {each.pid: each for each in listed}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for each in listed:
        children[each.parent].append(each.pid)
    found: dict[int, Listed] = {}
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        if pid in by_pid and pid not in found:
            found[pid] = by_pid[pid]
            waiting += children[pid]
    return list(found.values())


def _process(each: Listed) -> Process | None:
    measured = machine.measure(each.pid)
    if measured is None:
        return None
    usage, created = measured
    return Process(
        each.pid,
        each.name,
        each.name,
        round(usage.cpu_seconds, 2),
        int(usage.resident_bytes),
        round(created, 1),
    )


def name_of(characters: Iterable[int]) -> str:
    """Of UTF-16, up to its zero, without what cannot be shown."""
    raw = b"".join(each.to_bytes(2, "little") for each in characters)
    text = raw.decode("utf-16-le", "replace").partition("\0")[0]
    return "".join(each for each in text if each.isprintable())[:64]


def _listed() -> list[Listed]:
    if sys.platform != "win32":
        raise OSError("Windows alone lists them so")
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.CreateToolhelp32Snapshot.restype = ctypes.c_void_p
    for function in (kernel32.Process32FirstW, kernel32.Process32NextW):
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    kernel32.CloseHandle.argtypes = [ctypes.c_void_p]
    snapshot = kernel32.CreateToolhelp32Snapshot(_SNAPSHOT_PROCESSES, 0)
    if snapshot in (None, _INVALID):
        raise ctypes.WinError(ctypes.get_last_error())
    found = []
    entry = Entry(length=ctypes.sizeof(Entry))
    try:
        more = kernel32.Process32FirstW(snapshot, ctypes.byref(entry))
        while more:
            found.append(Listed(entry.pid, entry.parent, name_of(entry.name)))
            more = kernel32.Process32NextW(snapshot, ctypes.byref(entry))
    finally:
        kernel32.CloseHandle(snapshot)
    return found
