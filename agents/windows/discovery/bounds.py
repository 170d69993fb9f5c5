"""What the process that looks takes from itself before it opens anything: privileges, memory, time, further processes.

It was started by a service that may do all. It keeps the account, for the menus of users are closed to others, but no
privilege of it, writes nowhere above the low integrity level, and ends when its share of memory or time is used up.
"""

from __future__ import annotations

MEMORY_BYTES = 768 << 20
CPU_SECONDS = 6

_LOW = "S-1-16-4096"
_REMOVED = 0x4  # SE_PRIVILEGE_REMOVED
_KEPT = "SeChangeNotifyPrivilege"
"""Everybody has it: to pass through folders."""


def bound() -> None:
    """Raises pywintypes.error when one of them cannot be had."""
    import win32api
    import win32con
    import win32job
    import win32process
    import win32security

    job = win32job.CreateJobObject(None, "")
    limits = win32job.QueryInformationJobObject(job, win32job.JobObjectExtendedLimitInformation)
    limits["ProcessMemoryLimit"] = MEMORY_BYTES
    basic = limits["BasicLimitInformation"]
    basic["ActiveProcessLimit"] = 1
    basic["PerProcessUserTimeLimit"] = CPU_SECONDS * 10_000_000
    basic["LimitFlags"] = (
        win32job.JOB_OBJECT_LIMIT_PROCESS_MEMORY
        | win32job.JOB_OBJECT_LIMIT_ACTIVE_PROCESS
        | win32job.JOB_OBJECT_LIMIT_PROCESS_TIME
    )
    win32job.SetInformationJobObject(job, win32job.JobObjectExtendedLimitInformation, limits)
    win32job.AssignProcessToJobObject(job, win32api.GetCurrentProcess())
    job.Detach()  # the limits last as long as the process

    rights = win32con.TOKEN_QUERY | win32con.TOKEN_ADJUST_PRIVILEGES | win32con.TOKEN_ADJUST_DEFAULT
    token = win32security.OpenProcessToken(win32api.GetCurrentProcess(), rights)
    kept = win32security.LookupPrivilegeValue(None, _KEPT)
    held = win32security.GetTokenInformation(token, win32security.TokenPrivileges)
    removed = [(luid, _REMOVED) for luid, _ in held if luid != kept]
    win32security.AdjustTokenPrivileges(token, False, removed)
    low = win32security.ConvertStringSidToSid(_LOW)
    win32security.SetTokenInformation(token, win32security.TokenIntegrityLevel, (low, 0x20))
    win32process.SetPriorityClass(win32api.GetCurrentProcess(), win32con.IDLE_PRIORITY_CLASS)
