"""How busy this machine is, as Windows tells it. The structures have the layout of their headers on every platform."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from agents.contracts import Usage

_QUERY_LIMITED = 0x1000
_STILL_ACTIVE = 259
_FILETIME_SECONDS = 1e-7


class MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total_physical", ctypes.c_uint64),
        ("available_physical", ctypes.c_uint64),
        ("total_page_file", ctypes.c_uint64),
        ("available_page_file", ctypes.c_uint64),
        ("total_virtual", ctypes.c_uint64),
        ("available_virtual", ctypes.c_uint64),
        ("available_extended_virtual", ctypes.c_uint64),
    )


class MemoryCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        ("peak_working_set", ctypes.c_size_t),
        ("working_set", ctypes.c_size_t),
        ("quotas", ctypes.c_size_t * 4),
        ("page_file", ctypes.c_size_t),
        ("peak_page_file", ctypes.c_size_t),
    )


class Load:
    """The share of all cores that was in use since the last time it was asked: Windows knows no load average."""

    def __init__(self) -> None:
        self._before = (0, 0)
        self._share = 0.0

    def after(self, idle: int, whole: int) -> float:
        """Times since the start of the machine, in any unit."""
        idle_since, since = idle - self._before[0], whole - self._before[1]
        if since > 0:
            self._before = (idle, whole)
            self._share = min(1.0, max(0.0, 1.0 - idle_since / since))
        return self._share

    def now(self) -> float:
        if sys.platform != "win32":
            raise OSError("Windows alone tells this")
        idle, kernel, user = (ctypes.c_uint64() for _ in range(3))
        if not ctypes.windll.kernel32.GetSystemTimes(*map(ctypes.byref, (idle, kernel, user))):
            return self._share
        return self.after(idle.value, kernel.value + user.value)  # the kernel's time holds that of being idle


def memory_available_bytes() -> int:
    if sys.platform != "win32":
        raise OSError("Windows alone tells this")
    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return 0
    return int(status.available_physical)


def usage_of(pid: int) -> Usage:
    """Nothing, of one that has gone."""
    measured = measure(pid)
    return Usage() if measured is None else measured[0]


def measure(pid: int) -> tuple[Usage, float] | None:
    """What a process has used, and when it began, in seconds since 1970; None of one that has gone."""
    if sys.platform != "win32":
        raise OSError("Windows alone tells this")
    kernel32 = _kernel32()
    handle = kernel32.OpenProcess(_QUERY_LIMITED, False, pid)
    if not handle:
        return None
    try:
        times = [ctypes.c_uint64() for _ in range(4)]
        status = ctypes.c_uint32()
        kernel32.GetExitCodeProcess(handle, ctypes.byref(status))
        if status.value != _STILL_ACTIVE or not kernel32.GetProcessTimes(handle, *map(ctypes.byref, times)):
            return None  # one that has ended is there as long as anybody holds it
        counters = MemoryCounters(length=ctypes.sizeof(MemoryCounters))
        kernel32.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.length)
    finally:
        kernel32.CloseHandle(handle)
    created, _, kernel, user = (each.value for each in times)
    used = (kernel + user) * _FILETIME_SECONDS
    return Usage(used, float(counters.working_set)), unix_time(created)


def unix_time(filetime: int) -> float:
    """Of 100 ns since 1601."""
    return max(0.0, filetime * _FILETIME_SECONDS - _SECONDS_BETWEEN)


_SECONDS_BETWEEN = 11_644_473_600


def _kernel32() -> Any:
    if sys.platform != "win32":
        raise OSError("Windows alone has it")
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.OpenProcess.restype = ctypes.c_void_p
    kernel32.GetProcessTimes.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * 4
    kernel32.K32GetProcessMemoryInfo.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    kernel32.GetExitCodeProcess.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    kernel32.CloseHandle.argtypes = [ctypes.c_void_p]
    return kernel32
